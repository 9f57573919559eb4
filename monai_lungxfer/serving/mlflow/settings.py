"""What whoever runs a model may decide, as MLflow's model configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from monai_lungxfer.utils.errors import LungXferError

_REMEDY = "Correct the model configuration (model_config, or the variable MLFLOW_PYFUNC_INFERENCE_CONFIG)"


@dataclass(frozen=True)
class Settings:
    """The model configuration; its defaults are logged with the model, and each may be replaced when it is loaded.

    Attributes
    ----------
    device : str
        "auto" is what the bundle says (a GPU where there is one); else a device's name.
    batch_size : int
        Radiographs in one pass of the network.
    max_megabytes : float
        Largest file that is decoded, in units of 10^6 bytes.
    max_rows : int
        Most rows of one request to a server; in Python there is no limit.
    paths_below : str
        The folder below which requests may name files of the machine that runs the model; empty: none may.
    """

    device: str = "auto"
    batch_size: int = 4
    max_megabytes: float = 64
    max_rows: int = 1000
    paths_below: str = ""

    def __post_init__(self) -> None:
        for name, value in (("batch_size", self.batch_size), ("max_rows", self.max_rows)):
            if not isinstance(value, int) or value < 1:
                raise LungXferError(f"{name} is {value!r}, not 1 or more", remedy=_REMEDY)
        if not isinstance(self.max_megabytes, int | float) or not self.max_megabytes > 0:
            raise LungXferError(f"max_megabytes is {self.max_megabytes!r}, not above 0", remedy=_REMEDY)
        if self.paths_below and not Path(self.paths_below).is_dir():
            raise LungXferError("paths_below is not a folder", source=self.paths_below, remedy=_REMEDY)

    @property
    def max_bytes(self) -> int:
        """Largest file that is decoded."""
        return int(self.max_megabytes * 1e6)

    @property
    def allowed_folder(self) -> Path | None:
        """The folder below which requests may name files, without links in its path."""
        return Path(self.paths_below).resolve() if self.paths_below else None
