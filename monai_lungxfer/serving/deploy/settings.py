"""The settings of the MONAI Deploy application, in app.yaml beside what the packager reads there."""

from __future__ import annotations

from pathlib import Path

import yaml

from monai_lungxfer.inference.outputs import DICOM_SEG, OutputOptions
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.yaml_numbers import load_yaml

_SECTION = "results"
_NAMES = ("sides", "overlay", "strict", "report", "presentation")


def output_options(config: Path) -> OutputOptions:
    """Read what is to be written: the section `results`, where each of `_NAMES` may be true.

    The SDK's own reader passes over files that are no YAML and names that it does not know.

    Raises
    ------
    LungXferError
        When the file cannot be read, or the section holds anything else.
    """
    try:
        content = load_yaml(config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise LungXferError(
            f"the settings cannot be read ({type(error).__name__})", source=config, remedy="Restore app.yaml"
        ) from error
    section = (content.get(_SECTION) if isinstance(content, dict) else None) or {}
    if not isinstance(section, dict) or not all(
        name in _NAMES and isinstance(value, bool) for name, value in section.items()
    ):
        raise LungXferError(
            f"{_SECTION} of the settings may have {', '.join(_NAMES)}, each true or false, and nothing else",
            source=config,
            remedy="Correct app.yaml",
        )
    return OutputOptions(DICOM_SEG, **section)
