"""Fetching a public data set, where its terms allow a plain download."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from monai_lungxfer.data.public.adapters import Adapter, find_adapter
from monai_lungxfer.data.public.unpack import Limits, unpack
from monai_lungxfer.utils.download import download
from monai_lungxfer.utils.errors import DownloadError
from monai_lungxfer.utils.files import hash_file, staged_folder
from monai_lungxfer.utils.locks import lock_replacement

logger = logging.getLogger(__name__)


def fetch(
    name: str,
    out: str | Path,
    *,
    url: str | None = None,
    sha256: str | None = None,
    limits: Limits | None = None,
    progress: bool = True,
) -> Path:
    """Download the archive of a data set and unpack it.

    The next call continues an interrupted download. The folder appears as a whole. Until then the archive is next to it
    as ``<out>.zip``; afterwards it is deleted. Archives within the archive are unpacked as well.

    Parameters
    ----------
    name : str
        A key of `ADAPTERS`.
    out : str or pathlib.Path
        The folder to write, which is returned.
    url : str, optional
        Another address of the archive, such as a mirror.
    sha256 : str, optional
        The archive's SHA-256, or its first digits. Without it, the log says what it is.
    limits : Limits, optional
        How much the archive may hold.
    progress : bool
        Show a progress bar when standard error is a terminal.
    """
    adapter, out = find_adapter(name), Path(out).absolute()
    address = url or adapter.url
    if address is None:
        raise _by_hand(adapter, out)
    archive = out.with_name(f"{out.name}.zip")
    with lock_replacement(out), staged_folder(out) as folder:
        if archive.is_file() and sha256 is None:
            logger.info("%s is there already, and is unpacked", archive)
        else:
            download(address, archive, sha256=sha256, progress=progress)
        logger.info("Licence of %s: %s", name, adapter.license)
        logger.info("SHA-256 of %s: %s", archive.name, hash_file(archive))
        try:
            _unpack_all(archive, folder, limits or Limits())
        except DownloadError:
            archive.unlink()  # or the next call would take it for good
            raise
    archive.unlink()
    return out


def _unpack_all(archive: Path, folder: Path, limits: Limits) -> None:
    written = unpack(archive, folder, limits)
    for inner in sorted(folder.rglob("*.zip")):
        target = inner.with_suffix("")
        target.mkdir(exist_ok=True)
        written += unpack(inner, target, replace(limits, size=limits.size - written))
        inner.unlink()


def _by_hand(adapter: Adapter, out: Path) -> DownloadError:
    source = f"Download it from {adapter.page}" if adapter.page else "Bring the files together yourself"
    return DownloadError(
        f"{adapter.name} cannot be fetched without an account or a decision of yours ({adapter.license})",
        remedy=f"{source}, and unpack it so that {out} holds {adapter.layout}",
    )
