"""The donor's published weights: where they come from, where they are kept, and whether they fit."""

from __future__ import annotations

import os
from pathlib import Path

from monai_lungxfer.utils.errors import DownloadError, LungXferError, TransferError

__all__ = ["DONOR_SHA256", "DONOR_URL", "cache_folder", "donor_weights_path", "fetch_donor"]

# The U-Net of Buda et al. on PyTorch Hub, whose file name ends in the first digits of its SHA-256.
DONOR_URL = "https://github.com/mateuszbuda/brain-segmentation-pytorch/releases/download/v1.0/unet-e012d006.pt"
DONOR_SHA256 = "e012d006"
TRAIN_INSTEAD = "stage 0 can be trained from LGG data instead: lungxfer train donor --data DIR"


def cache_folder() -> Path:
    """Return where downloaded weights are kept for this user; it need not exist.

    It follows the XDG base directory specification: ``$XDG_CACHE_HOME`` or ``~/.cache``.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "monai_lungxfer"


def donor_weights_path() -> Path:
    """Return where the donor's weights are kept for this user; the file need not exist."""
    return cache_folder() / DONOR_URL.rpartition("/")[2]


def fetch_donor(target: str | Path | None = None, *, url: str = DONOR_URL, overwrite: bool = False) -> Path:
    """Download the donor's weights and check that every layer fits the donor's network.

    Parameters
    ----------
    target : str or pathlib.Path, optional
        Where to keep the file; by default `donor_weights_path`.
    url : str
        Another address of the same file, such as a mirror; its checksum must be the same.
    overwrite : bool
        Replace a file with other content.

    Returns
    -------
    pathlib.Path
        The weights file.

    Raises
    ------
    DownloadError
        When it cannot be had, or is not the donor's file.
    OutputError
        When its name does not end in ``.pt``, or it cannot be written.
    """
    from monai_lungxfer.utils.download import download
    from monai_lungxfer.weights.saving import checked_name
    from monai_lungxfer.weights.sidecar import save_input_size

    path = checked_name(target or donor_weights_path())
    try:
        download(url, path, sha256=DONOR_SHA256, overwrite=overwrite)
        _check_fit(path)
    except (DownloadError, TransferError) as error:
        raise DownloadError(error.problem, source=error.source, remedy=_with_alternative(error)) from error
    if overwrite:
        save_input_size(path, None)  # of what was there before
    return path


def _check_fit(path: Path) -> None:
    from monai_lungxfer.networks.donor_unet import DonorUNet
    from monai_lungxfer.weights.loading import load_weights

    load_weights(DonorUNet(), path)


def _with_alternative(error: LungXferError) -> str:
    return f"{error.remedy}; {TRAIN_INSTEAD}" if error.remedy else TRAIN_INSTEAD
