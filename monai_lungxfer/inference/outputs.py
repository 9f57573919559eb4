"""What is written for each radiograph, under which name, and what must not be written over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from monai_lungxfer.inference.inputs import InputFile, output_stems
from monai_lungxfer.inference.overlay import draw_overlay, save_picture
from monai_lungxfer.inference.segmentation import SEG_SUFFIX, PreparedRadiograph, Segmentation
from monai_lungxfer.io.mask_writer import MASK_SUFFIXES
from monai_lungxfer.utils.errors import LungXferError, OutputError

DICOM_SEG = "dicom-seg"


@dataclass(frozen=True)
class OutputOptions:
    """What is wanted of every radiograph.

    Attributes
    ----------
    mask_format : {"png", "nifti", "dicom-seg"}
        See `monai_lungxfer.io.mask_writer.save_mask` and `lung_segmentation`.
    overlay : bool
        Whether to write pictures of the radiographs with the lungs' contour: PNG, or secondary captures beside SEG.
    report : bool
        Whether to write a DICOM Structured Report beside a DICOM SEG.
    presentation : bool
        Whether to write a presentation state with the lungs' contour beside a DICOM SEG.
    sides : bool
        Whether a DICOM SEG has a segment for each lung.
    strict : bool
        Whether to refuse an image that has a flag of the image, see `Segmentation.refuse_flagged`.
    """

    mask_format: str = "png"
    overlay: bool = False
    sides: bool = False
    strict: bool = False
    report: bool = False
    presentation: bool = False

    def __post_init__(self) -> None:
        if self.mask_format not in (*MASK_SUFFIXES, DICOM_SEG):
            raise ValueError(f"the format is {self.mask_format!r}; use {', '.join(MASK_SUFFIXES)} or {DICOM_SEG}")
        if self.sides and self.mask_format != DICOM_SEG:
            raise LungXferError("only DICOM SEG has segments for the two lungs", remedy="Add --format dicom-seg")
        if (self.report or self.presentation) and self.mask_format != DICOM_SEG:
            raise LungXferError(
                "reports and presentation states are DICOM, and belong to a DICOM SEG", remedy="Add --format dicom-seg"
            )

    @property
    def suffix(self) -> str:
        """The suffix of the masks' files."""
        return SEG_SUFFIX if self.mask_format == DICOM_SEG else MASK_SUFFIXES[self.mask_format]


@dataclass(frozen=True)
class PlannedResult:
    """One input, and the names of its results relative to the output folder."""

    item: InputFile
    mask: str
    overlay: str | None
    options: OutputOptions
    report: str | None = None
    presentation: str | None = None

    @property
    def names(self) -> dict[str, str]:
        """The names of results, by the kinds of `monai_lungxfer.inference.dicom.results.KINDS`."""
        kinds = {"segmentation": self.mask, "overlay": self.overlay}
        kinds |= {"report": self.report, "presentation": self.presentation}
        return {kind: name for kind, name in kinds.items() if name is not None}

    @property
    def results(self) -> list[str]:
        """All names of results."""
        return list(self.names.values())

    def check(self, radiograph: PreparedRadiograph) -> None:
        """Refuse what no mask can be written for: a DICOM SEG of another file."""
        if self.options.mask_format == DICOM_SEG:
            radiograph.dicom_source()

    def write(self, segmentation: Segmentation, folder: Path) -> None:
        """Write the mask and what else is wanted, unless the image is refused.

        Errors are those of `Segmentation.save` and `Segmentation.refuse_flagged`. Where the file was replaced, or
        memory runs out, none of its results is left.
        """
        if self.options.strict:
            segmentation.refuse_flagged()
        try:
            self._write(segmentation, folder)
            segmentation.radiograph.check_unchanged()
        except OutputError:
            raise  # which ends the run; what is written is whole
        except Exception:
            for name in self.results:
                (folder / name).unlink(missing_ok=True)
            raise

    def _write(self, segmentation: Segmentation, folder: Path) -> None:
        if self.options.mask_format == DICOM_SEG:
            self._write_dicom(segmentation, folder)
            return
        segmentation.save(folder / self.mask, overwrite=True)
        if self.overlay is not None:
            if (picture := segmentation.radiograph.picture) is None:
                raise ValueError("the radiograph was loaded without its picture")
            save_picture(folder / self.overlay, draw_overlay(picture, segmentation.mask))

    def _write_dicom(self, segmentation: Segmentation, folder: Path) -> None:
        from monai_lungxfer.inference.dicom.results import dicom_results  # an extra, maybe not installed
        from monai_lungxfer.inference.dicom.source import save_dicom

        segmentation.radiograph.check_unchanged()
        for kind, instance in dicom_results(segmentation, self.names, sides=self.options.sides).items():
            save_dicom(folder / self.names[kind], instance)


def plan(inputs: Sequence[InputFile], options: OutputOptions) -> list[PlannedResult]:
    """Name the results of every input; no two are alike."""
    picture = "_overlay.dcm" if options.mask_format == DICOM_SEG else "_overlay.png"
    return [
        PlannedResult(
            item,
            f"{stem}_mask{options.suffix}",
            f"{stem}{picture}" if options.overlay else None,
            options,
            f"{stem}_report.dcm" if options.report else None,
            f"{stem}_presentation.dcm" if options.presentation else None,
        )
        for item, stem in zip(inputs, output_stems(inputs), strict=True)
    ]


def check_results(
    tasks: Sequence[PlannedResult], folder: Path, others: Iterable[str], overwrite: bool, *, resumable: bool
) -> list[Path]:
    """Refuse to replace an input, or results that exist, and return what will be written to the output folder.

    `others` are the names of further files that will be written to it. With `overwrite`, results that exist may be
    replaced. `resumable` says that an earlier run has left a journal, so that ``--resume`` is a way out.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError("this is a file, not a folder", source=folder, remedy="Choose another folder (--out)")
    results = [folder / name for task in tasks for name in task.results] + [folder / name for name in others]
    inputs = {task.item.path for task in tasks}
    for result in results:
        if result in inputs:
            raise OutputError("it is an input, and would be replaced", source=result, remedy="Choose another folder")
    existing = [] if overwrite else [result for result in results if result.exists()]
    if existing:
        resume = "go on with what is left (--resume), " if resumable else ""
        raise OutputError(
            f"{len(existing)} of the {len(results)} results exist already, this one to begin with",
            source=existing[0],
            remedy=f"Choose another folder (--out), {resume}or replace them (--overwrite)",
        )
    return results
