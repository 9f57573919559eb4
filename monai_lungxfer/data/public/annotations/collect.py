"""One way from what drawing tools export to images with masks: find the files, read them, and match the images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from monai_lungxfer.data.public import folder
from monai_lungxfer.data.public.annotations.coco import read_coco
from monai_lungxfer.data.public.annotations.cvat import (
    LABELMAP,
    MASK_FOLDER,
    OBJECT_FOLDER,
    read_mask_folder,
    read_xml,
)
from monai_lungxfer.data.public.annotations.dicom_seg import read_dicom_seg, read_identity
from monai_lungxfer.data.public.annotations.label_studio import read_label_studio
from monai_lungxfer.data.public.annotations.marks import IGNORED_LABELS, DrawnImage, Mark, draw_marks
from monai_lungxfer.data.public.annotations.slicer import SUFFIX, read_segmentation
from monai_lungxfer.data.public.darwin import LUNGS, read_annotation
from monai_lungxfer.data.public.item import Collection, Draw, Facts, Skipped
from monai_lungxfer.data.public.raw import list_files, wrong_layout
from monai_lungxfer.data.records import read_json
from monai_lungxfer.utils.errors import LungXferError

_DICOM = frozenset({".dcm", ".dicom", ""})
_TOOL_FOLDERS = frozenset({"default", "jpegimages"})  # which tools put around images, and which are no findings


def collect(raw: Path, facts: Facts | None = None, apart: Path | None = None) -> Collection:
    """Read all annotations below a folder, and find the image of each by its name, or by its UID.

    The masks are drawn later, one by one, by `draw_marks`. An image that is not annotated has none.

    Parameters
    ----------
    raw : pathlib.Path
        With the images; what the tools have exported may lie among them.
    facts : Facts, optional
        What is known of all images, and which labels are lung.
    apart : pathlib.Path, optional
        Where the annotations are instead.

    Raises
    ------
    DatalistError
        When there is no annotation or no image.
    """
    facts = facts or Facts()
    pattern = folder.compile_pattern(facts.patient_pattern)
    found = Collection()
    drawn = list(_read_all(raw if apart is None else apart, found, facts.lung_labels))
    if not drawn and not found.skipped:
        raise wrong_layout(raw if apart is None else apart, "annotations", "annotations of a known tool")
    images = _Images(raw)
    annotated = images.match(drawn, found)
    for image in images.files:
        key = folder.split_name(image.relative_to(raw))[0]
        key = (*(part for part in key[:-1] if part.lower() not in _TOOL_FOLDERS), key[-1])
        folder.add_item(found, image, key, _draw(annotated.get(image, ()), facts), facts, pattern)
    folder.note_patients(found, pattern)
    return found


def _draw(drawn: Sequence[DrawnImage], facts: Facts) -> Draw | None:
    if not drawn:
        return None
    return partial(draw_marks, drawn[0], lungs=facts.lung_labels)


def _read_all(where: Path, found: Collection, lungs: Sequence[str]) -> Iterator[DrawnImage]:
    """Yield what all files say; those that cannot be read are skipped, those of other kinds passed over."""
    for file in sorted(path for path in where.rglob("*") if path.is_file()):
        if not any(part.startswith((".", "__MACOSX")) for part in file.relative_to(where).parts):
            try:
                yield from _read(file, lungs)
            except LungXferError as error:
                remedy = f" ({error.remedy})" if error.remedy else ""
                found.skipped.append(Skipped(file, f"{error.problem}{remedy}"))


def _read(file: Path, lungs: Sequence[str]) -> Iterable[DrawnImage]:
    name = file.name.lower()
    if name.endswith(SUFFIX):
        return [read_segmentation(file)]
    if name == LABELMAP:
        return read_mask_folder(file)
    if name.endswith(".xml"):
        return read_xml(file) or ()
    if name.endswith(".json"):
        return _read_json(file, lungs)
    if file.suffix.lower() in _DICOM and (identity := read_identity(file)) and identity[1]:
        return read_dicom_seg(file)
    return ()


def _read_json(file: Path, lungs: Sequence[str]) -> Iterable[DrawnImage]:
    content = read_json(file)
    found = read_coco(content, file) or read_label_studio(content, file)
    return found or _read_darwin(file, lungs)


def _read_darwin(file: Path, lungs: Sequence[str]) -> Iterable[DrawnImage]:
    """Yield what a Darwin file says; classes that are no lungs are marks without an area, to be refused by name."""
    known = frozenset(label.strip().lower() for label in lungs) or LUNGS
    annotation = read_annotation(file, known)
    if annotation is None:
        return
    others = [label for label in annotation.classes if label.lower() not in known | IGNORED_LABELS]
    groups = {lungs[0] if lungs else "lung": annotation.lungs, "ignore": annotation.ignored}
    marks = [
        Mark(label, shape) if isinstance(shape, tuple) else Mark(label, region=lambda *_, shape=shape: shape)
        for label, shapes in groups.items()
        for shape in shapes
    ]
    marks += [Mark(label, kind="region") for label in others]
    yield DrawnImage(file, annotation.names, tuple(marks), (annotation.height, annotation.width))


class _Images:
    """The images below a folder, to be found by name or by UID."""

    def __init__(self, raw: Path) -> None:
        self.raw = raw
        self.files = []
        self._uids: dict[str, Path] = {}
        self._names: dict[str, list[Path]] = defaultdict(list)
        for file in list_files(raw, folder.SUFFIXES | {""}):
            is_export = file.name.lower().endswith(SUFFIX) or {MASK_FOLDER, OBJECT_FOLDER} & {*file.parts}
            identity = read_identity(file) if file.suffix.lower() in _DICOM else None
            if is_export or (identity and identity[1]) or (not file.suffix and identity is None):
                continue
            self.files.append(file)
            if identity:
                self._uids[identity[0]] = file
            path = PurePosixPath(file.relative_to(raw).as_posix().casefold())
            for name in (path.name, _stem(path.name)):
                self._names[name].append(file)
        if not self.files:
            raise wrong_layout(raw, "annotations", "images")

    def match(self, drawn: Iterable[DrawnImage], found: Collection) -> dict[Path, list[DrawnImage]]:
        """Return the annotations of each image; those without one, and images with two, are skipped."""
        matched: dict[Path, list[DrawnImage]] = defaultdict(list)
        for one in drawn:
            images = self._find(one)
            if len(images) == 1:
                matched[images[0]].append(one)
            else:
                what = one.names[0] if one.names else "the radiograph that it refers to"
                reason = "is not there" if not images else f"may be one of {len(images)} images of this name"
                found.skipped.append(Skipped(one.file, f"{what} {reason}"))
        for image, several in list(matched.items()):
            marked = [one for one in several if one.marks or one.refused]
            if len(marked) > 1:
                files = ", ".join(dict.fromkeys(one.file.name for one in marked))
                found.skipped.append(Skipped(image, f"is annotated {len(marked)} times ({files}); keep one of them"))
                self.files.remove(image)
            matched[image] = marked[:1]
        return matched

    def _find(self, drawn: DrawnImage) -> list[Path]:
        """Return the images that an annotation may be of: those that share most of the folders in its name."""
        if drawn.uid is not None:
            return [self._uids[drawn.uid]] if drawn.uid in self._uids else []
        for given in drawn.names:
            name = PurePosixPath(given.replace("\\", "/").casefold())
            for key in (name.name, _stem(name.name)):
                images = list(dict.fromkeys(self._names.get(key, ())))
                if images:
                    shared = [self._shared(image, name) for image in images]
                    return [image for image, count in zip(images, shared, strict=True) if count == max(shared)]
        return []

    def _shared(self, image: Path, name: PurePosixPath) -> int:
        """Return how many folders before the names are the same, counted from the names on."""
        parts = [part.casefold() for part in image.relative_to(self.raw).parts[:-1]]
        count = 0
        for own, other in zip(reversed(parts), reversed(name.parts[:-1]), strict=False):
            if own != other:
                break
            count += 1
        return count


def _stem(name: str) -> str:
    return PurePosixPath(name.removesuffix(".gz")).stem
