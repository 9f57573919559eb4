"""Images and masks of one's own, in whatever form they come, as one collection under neutral names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from monai_lungxfer.data.datalist import DATALIST_NAME, load_datalist
from monai_lungxfer.data.public.adapters import find_adapter
from monai_lungxfer.data.public.annotations.cvat import LABELMAP
from monai_lungxfer.data.public.annotations.dicom_seg import read_identity
from monai_lungxfer.data.public.annotations.slicer import SUFFIX as SLICER_SUFFIX
from monai_lungxfer.data.public.cohen import UNKNOWN_LICENSE
from monai_lungxfer.data.public.folder import compile_pattern
from monai_lungxfer.data.public.item import Collection, Facts, Item, Skipped
from monai_lungxfer.data.public.raw import unite_masks
from monai_lungxfer.data.records import Record
from monai_lungxfer.inference.inputs import InputFile
from monai_lungxfer.selection.batch import TABLE
from monai_lungxfer.selection.origins import find_origins
from monai_lungxfer.utils.csv_tables import read_rows
from monai_lungxfer.utils.errors import DatalistError, LungXferError

SOURCE = "own"
_LABELS = Path("labels") / "final"
_FACTS = ("finding", "finding_text", "view", "device", "mask_convention")


@dataclass(frozen=True)
class SourceRules:
    """What the files do not say.

    Attributes
    ----------
    masks : pathlib.Path or None
        Where the masks or annotations are, if not among the images.
    patient : str or None
        Regular expression whose first group is the patient in a file's name.
    one_image_each : bool
        Whether an image of which nothing says whose it is counts as the only one of its patient.
    lung_labels : tuple of str
        What a drawing tool's labels of lungs are called; by default the usual names.
    """

    masks: Path | None = None
    patient: str | None = None
    one_image_each: bool = False
    lung_labels: tuple[str, ...] = ()

    def told(self) -> dict[str, Any]:
        """Return the rules as JSON has them."""
        masks = None if self.masks is None else str(self.masks.absolute())
        return {**asdict(self), "masks": masks, "lung_labels": list(self.lung_labels)}


class Reader(NamedTuple):
    """A form in which images and masks come: its name, how it is recognised, and how its images are collected."""

    name: str
    recognise: Callable[[Path, SourceRules], bool]
    collect: Callable[[Path, SourceRules], Collection]


def collect_images(data: Path, rules: SourceRules) -> tuple[str, Collection]:
    """Return the name of the form in which the images come, and the images with their masks.

    Names are ``case-0001`` and patients ``patient-001``, in the order of the images: nothing of the old names is left.
    A datalist says who an image is of. Otherwise it is the pattern, or else Patient ID in the DICOM header.

    Raises
    ------
    DatalistError
        When there are no images or no masks, or when nothing says whose the images are.
    """
    if not data.exists():
        raise DatalistError("does not exist", source=data, remedy="Give a folder of images and masks, or a datalist")
    reader = next(reader for reader in READERS if reader.recognise(data, rules))
    found = reader.collect(data, rules)
    if all(item.mask is None for item in found.items):
        raise DatalistError(
            f"none of {len(found.items)} images has a mask",
            source=data,
            remedy="Give masks the names of their images, in a folder masks/ or with _mask at the end, or use --masks",
        )
    found.notes.clear()  # on patients, which are looked for here
    known = reader.name == "datalist"
    items = found.items if known else list(_with_patients(found, data, rules))
    found.items[:] = _rename(items)
    return reader.name, found


def _rename(items: list[Item]) -> Iterator[Item]:
    patients: dict[str, str] = {}
    for number, item in enumerate(items, 1):
        patient = patients.setdefault(item.patient, f"patient-{len(patients) + 1:03d}")
        yield replace(item, name=f"case-{number:04d}", patient=patient, source=SOURCE, url=None)


def _with_patients(found: Collection, data: Path, rules: SourceRules) -> Iterator[Item]:
    pattern = compile_pattern(rules.patient)
    names = _read_original_names(data)
    files = [InputFile(item.image, item.image.name) for item in found.items]
    unknown = 0
    for item, origin in zip(found.items, find_origins((), files), strict=True):
        stem = Path(names.get(item.image.name, item.image.name)).stem
        match = pattern.search(stem) if pattern else None
        if match and match[1]:
            patient = f"named {match[1]}"
        elif pattern is not None:
            found.skipped.append(Skipped(item.image, "has a name in which the pattern finds no patient"))
            continue
        elif origin.patient.startswith("file "):
            unknown += item.mask is not None
            patient = str(item.image)
        else:
            patient = origin.patient
        yield replace(item, patient=patient, device=item.device or origin.device, view=item.view or origin.view)
    if unknown and not rules.one_image_each:
        raise DatalistError(
            f"nothing says of {unknown} images which patient they are of",
            source=data,
            remedy="Say where the patient stands in the names (--patient '^(p[0-9]+)_'), or, if no patient has two "
            "images, --one-image-each. Else one patient could be learnt from and measured on",
        )


def _read_original_names(data: Path) -> dict[str, str]:
    """Return the names that images had before ``lungxfer select`` copied them; empty for other folders."""
    table = data.parent / TABLE
    try:
        return {row["image"]: row["file"] for row in read_rows(table)} if table.is_file() else {}
    except (OSError, ValueError, KeyError) as error:
        raise LungXferError("is no table of lungxfer select", source=table, remedy="Restore or remove it") from error


def _is_datalist(data: Path, _rules: SourceRules) -> bool:
    return data.is_file() or (data / DATALIST_NAME).is_file()


def _collect_datalist(data: Path, _rules: SourceRules) -> Collection:
    records = load_datalist(data, labels_required=False)
    return Collection(items=[_make_item(record) for record in records])


def _make_item(record: Record) -> Item:
    facts: dict[str, Any] = {name: record[name] for name in _FACTS if name in record}  # type: ignore[literal-required]
    return Item(
        Path(record["image"]),
        name="",
        patient=record["patient"],
        source=SOURCE,
        license=record.get("license", UNKNOWN_LICENSE),
        mask=unite_masks([Path(record["label"])]) if "label" in record else None,
        **facts,
    )


def _is_label_folder(data: Path, _rules: SourceRules) -> bool:
    return (data / _LABELS).is_dir()


def _collect_label_folder(data: Path, _rules: SourceRules) -> Collection:
    found: Collection = find_adapter("folder").collect(data, None, data / _LABELS)
    # The labels are found a second time, as masks among the images that belong to none.
    found.skipped[:] = [one for one in found.skipped if not one.file.is_relative_to(data / _LABELS.parent)]
    found.items[:] = [replace(item, finding=None, finding_text=None) for item in found.items]
    return found


def _has_annotations(data: Path, rules: SourceRules) -> bool:
    """Tell whether annotations of drawing tools draw a mask; other JSON and XML files may lie among images, too."""
    if not any(_may_be_annotation(file) for file in (rules.masks or data).rglob("*")):
        return False
    try:
        return any(item.mask is not None for item in _collect_annotations(data, rules).items)
    except LungXferError:
        return False


def _may_be_annotation(file: Path) -> bool:
    name = file.name.lower()
    if name.endswith((".xml", ".json", SLICER_SUFFIX)) or name == LABELMAP:
        return True
    identity = read_identity(file) if name.endswith((".dcm", ".dicom")) else None
    return identity is not None and bool(identity[1])


def _collect_annotations(data: Path, rules: SourceRules) -> Collection:
    found: Collection = find_adapter("annotations").collect(data, Facts(lung_labels=rules.lung_labels), rules.masks)
    return found


def _collect_folder(data: Path, rules: SourceRules) -> Collection:
    found: Collection = find_adapter("folder").collect(data, None, rules.masks)
    return found


READERS = (
    Reader("datalist", _is_datalist, _collect_datalist),
    Reader("MONAI Label", _is_label_folder, _collect_label_folder),
    Reader("drawing tool", _has_annotations, _collect_annotations),
    Reader("folder", lambda *_: True, _collect_folder),
)
"""The forms that are read, in the order in which they are tried."""
