"""A study with made-up results, for everything that reads one."""

from __future__ import annotations

from pathlib import Path

import pytest
from study_folder import write_images, write_study

from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.report.write import write_report


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder; not to be written to."""
    return write_study(tmp_path_factory.mktemp("study") / "study", networks=True)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study's data: phantoms."""
    return write_images(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def results(study: Path) -> StudyResults:
    return StudyResults.read(study)


@pytest.fixture(scope="session")
def analysis(results: StudyResults) -> Analysis:
    return Analysis(results)


@pytest.fixture(scope="session")
def written(study: Path, images: Path, analysis: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the report of the study, with images."""
    out = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:  # the numbers are there already, which saves most of the time
        patch.setattr("monai_lungxfer.study.report.write.Analysis", lambda results: analysis)
        write_report(study, out, with_images=True, data=images, device="cpu")
    return out
