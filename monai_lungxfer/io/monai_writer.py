"""The writer of masks as MONAI's transforms call it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import PathLike
from monai.data import ImageWriter
from monai.utils import ImageMetaKey
from numpy.typing import NDArray

from monai_lungxfer.io.mask_writer import save_mask


class MaskWriter(ImageWriter):
    """`save_mask` for MONAI's ``SaveImaged``, whose own writers store rows where NIfTI has columns."""

    def set_data_array(self, data_array: Any, channel_dim: int | None = 0, **kwargs: Any) -> None:  # noqa: ARG002
        """Take the mask of {0, 1}, its channel first: (1, H, W)."""
        self.mask: NDArray[np.uint8] = (
            np.asarray(data_array).squeeze(0 if channel_dim is None else channel_dim).astype(np.uint8)
        )

    def set_metadata(self, meta_dict: Mapping[str, Any] | None = None, **options: Any) -> None:  # noqa: ARG002
        """Take the pixel spacing and the file's name from the metadata of the radiograph's reader."""
        meta = meta_dict or {}
        path = Path(str(meta.get(ImageMetaKey.FILENAME_OR_OBJ, "")))
        self.radiograph = path if path.is_file() else None  # images in memory may have any name
        spacing = np.asarray(meta.get("pixel_spacing", (math.nan, math.nan)), dtype=float)
        self.spacing = None if np.isnan(spacing).any() else (float(spacing[0]), float(spacing[1]))

    def write(self, filename: PathLike, verbose: bool = False, **kwargs: Any) -> None:  # noqa: ARG002
        """Write the mask."""
        save_mask(str(filename), self.mask, self.spacing, self.radiograph)
