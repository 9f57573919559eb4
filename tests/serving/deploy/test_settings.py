"""What app.yaml may say."""

from __future__ import annotations

from pathlib import Path

import pytest
from source_tree import REPOSITORY

from monai_lungxfer.inference.outputs import DICOM_SEG, OutputOptions
from monai_lungxfer.serving.deploy.settings import output_options
from monai_lungxfer.utils.errors import LungXferError


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", {}),
        ("application: {title: x}", {}),
        ("results:", {}),
        ("results: {sides: true}", {"sides": True}),
        ("results: {sides: false, overlay: true}", {"overlay": True}),
        ("results: {report: true, presentation: true}", {"report": True, "presentation": True}),
        ("results: {strict: true}", {"strict": True}),
    ],
)
def test_settings(tmp_path: Path, text: str, options: dict[str, bool]) -> None:
    (tmp_path / "app.yaml").write_text(text)
    assert output_options(tmp_path / "app.yaml") == OutputOptions(DICOM_SEG, **options)


@pytest.mark.parametrize(
    "section", ["{overlays: true}", "{sides: maybe}", "{sides: 1}", "true", "[sides]", "{1: true}"]
)
def test_what_is_not_understood_is_refused(tmp_path: Path, section: str) -> None:
    (tmp_path / "app.yaml").write_text(f"results: {section}")
    with pytest.raises(LungXferError, match="each true or false, and nothing else"):
        output_options(tmp_path / "app.yaml")


@pytest.mark.parametrize("content", [None, b"results: [", b"\xff", b"!!python/object/apply:os.getcwd []"])
def test_what_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "app.yaml").write_bytes(content)
    with pytest.raises(LungXferError, match="the settings cannot be read"):
        output_options(tmp_path / "app.yaml")


def test_those_that_ship() -> None:
    if not (REPOSITORY / "deploy").is_dir():
        pytest.skip("the tests run without the source tree")
    assert output_options(REPOSITORY / "deploy" / "app.yaml") == OutputOptions(DICOM_SEG)
