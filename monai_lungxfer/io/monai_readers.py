"""The reader of radiographs and masks, as MONAI's transforms take one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import PathLike
from monai.data import ImageReader, MetaTensor
from monai.transforms import EnsureChannelFirst
from monai.utils import ImageMetaKey, MetaKeys, SpaceKeys, ensure_tuple
from numpy.typing import NDArray

from monai_lungxfer.io.channels import Channels, check_channels
from monai_lungxfer.io.radiograph import Radiograph, foreground, read_radiograph
from monai_lungxfer.utils.errors import InputFileError


def as_meta_tensor(radiograph: Radiograph, filename: str | Path = "") -> MetaTensor:
    """Return what ``LoadImaged(reader=RadiographReader, ensure_channel_first=True)`` gives for the radiograph's file.

    It is float32, (1, H, W) or (3, H, W), and the pixels are not copied. The file name is for the metadata.
    """
    meta = _metadata(radiograph, filename)
    tensor: Any = EnsureChannelFirst()(MetaTensor.ensure_torch_and_prune_meta(radiograph.pixels, meta))
    return tensor


class RadiographReader(ImageReader):
    """Radiographs for ``LoadImaged``: the values of `read_radiograph` with the metadata that MONAI's transforms need.

    Parameters
    ----------
    channels : {"grey", "rgb", "pre", "flair", "post"}
        As for `read_radiograph`.

    Notes
    -----
    ``LoadImaged`` tries its other readers when `read` fails, and one of them may take a damaged file for good. Hence
    `read` only hands the path on, and the file is read in `get_data`, whose errors reach the user.

    Examples
    --------
    >>> from monai.transforms import LoadImaged
    >>> load = LoadImaged(keys="image", reader=RadiographReader, channels="rgb", ensure_channel_first=True)
    """

    def __init__(self, channels: Channels = "grey") -> None:
        super().__init__()
        check_channels(channels)
        self.channels: Channels = channels

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:  # noqa: ARG002 - MONAI's signature
        """Return ``True``: a name says nothing about the content."""
        return True

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> tuple[Path, ...]:  # noqa: ARG002
        """Return the paths, for `get_data`."""
        return tuple(Path(name) for name in ensure_tuple(data))

    def get_data(self, img: Sequence[Path] | Path) -> tuple[NDArray[Any], dict[str, Any]]:
        """Read the file that `read` was given, which must be one: float32 (H, W), or (3, H, W), and its metadata.

        ``affine`` (4, 4) is diagonal, with the spacing of (rows, columns) in mm, or 1 where it is unknown;
        ``pixel_spacing`` is NaN then, and ``spacing_source`` empty, so that every file has the same keys.
        """
        path, *others = ensure_tuple(img)
        if others:
            raise InputFileError(f"{len(others) + 1} files were given as one image", source=path, remedy="Give one")
        radiograph = read_radiograph(path, self.channels)
        return self._values(radiograph), _metadata(radiograph, path)

    def _values(self, radiograph: Radiograph) -> NDArray[Any]:
        return radiograph.pixels


class MaskReader(RadiographReader):
    """Masks for ``LoadImaged``: the values of `read_mask`, uint8 (H, W), with the metadata of `RadiographReader`."""

    def __init__(self) -> None:
        super().__init__("grey")

    def _values(self, radiograph: Radiograph) -> NDArray[Any]:
        return foreground(radiograph)


def _metadata(radiograph: Radiograph, filename: str | Path) -> dict[str, Any]:
    """Return metadata whose keys and types are the same for every file, as the collation of batches needs them."""
    affine = np.diag([*(radiograph.spacing or (1.0, 1.0)), 1.0, 1.0])
    return {
        ImageMetaKey.FILENAME_OR_OBJ: str(filename),
        MetaKeys.SPATIAL_SHAPE: np.array(radiograph.pixels.shape[-2:]),
        MetaKeys.ORIGINAL_CHANNEL_DIM: "no_channel" if radiograph.pixels.ndim == 2 else 0,
        MetaKeys.AFFINE: affine,
        MetaKeys.ORIGINAL_AFFINE: affine.copy(),
        MetaKeys.SPACE: SpaceKeys.RAS,
        "pixel_spacing": np.array(radiograph.spacing or (math.nan, math.nan)),
        "spacing_source": radiograph.spacing_source or "",
        "turn": np.array(radiograph.turn.flags),
    }
