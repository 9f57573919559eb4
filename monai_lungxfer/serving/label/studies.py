"""MONAI Label's datastores, for radiographs: a folder, and a DICOMweb server."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from cachetools import TTLCache, cached
from filelock import FileLock
from monailabel.datastore.dicom import DICOMWebDatastore
from monailabel.datastore.local import DataModel, ImageLabelModel, LocalDatastore
from monailabel.datastore.utils.dicom import dicom_web_download_series

from monai_lungxfer.inference.dicom.dicomweb import RADIOGRAPHY
from monai_lungxfer.inference.input_search import is_result
from monai_lungxfer.io.mask_writer import save_mask
from monai_lungxfer.io.radiograph import read_mask, read_radiograph
from monai_lungxfer.morphology.plausibility import INVERT, find_inversion
from monai_lungxfer.serving.label.infer import UNNAMED, read_image
from monai_lungxfer.serving.label.parameters import escapes_folder
from monai_lungxfer.utils.errors import InputFileError, OutputError
from monai_lungxfer.utils.files import atomic_path, staged_folder, write_text
from monai_lungxfer.utils.temporary import tidy

_SERIES = "0020000E"
_MOST_LEVELS = 8  # of a mask of labels, such as one for each lung
_EXPIRY = 60  # seconds that an answer of the DICOMweb server is good for


class FolderStudies(LocalDatastore):
    """A folder of radiographs.

    A server that is killed while it writes leaves the datastore's file whole. Scoring and training run in processes
    of their own, and a thread watches the folder: whoever changes the file reads it first, and nobody else meanwhile.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self._threads = threading.RLock()
        super().__init__(*args, **options)
        if self._auto_reload:  # a file that is put in place is an event of its own
            self._handler.on_moved = lambda _: self._init_from_datastore_file()
        for folder in (Path(self._datastore.image_path()), *Path(self._datastore.label_path(None)).iterdir()):
            tidy(folder)  # of servers that were killed

    @cached_property
    def _processes(self) -> FileLock:
        """Beside the lock of MONAI Label, which is not reentrant, and which its own methods take inside of this one."""
        return FileLock(Path(self._datastore_path, ".datastore.lock"), thread_local=False)

    @cached_property
    def _suffixes(self) -> tuple[str, ...]:
        """In small letters, the longer ones first."""
        found = {pattern.removeprefix("*").lower() for pattern in self._extensions}
        return tuple(sorted(found, key=lambda suffix: (-len(suffix), suffix)))

    def _list_files(self, path: str, patterns: Sequence[str]) -> dict[str, str]:  # noqa: ARG002
        """Return files with a suffix that is served, in any case; neither hidden ones nor results of predictions."""
        names = [name for name in os.listdir(path) if name.lower().endswith(self._suffixes)]  # noqa: PTH208
        return {name: name for name in names if not name.startswith(".") and not is_result(Path(name))}

    def _to_id(self, file: str) -> tuple[str, str]:
        """Return a file's name without its suffix, and that as it is written."""
        length = next((len(suffix) for suffix in self._suffixes if file.lower().endswith(suffix)), None)
        return super()._to_id(file) if length is None else (file[:-length], file[-length:])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let nobody else change the datastore while the block runs, which begins with what others have written."""
        with self._threads, self._processes:
            self._init_from_datastore_file()
            yield

    def _init_from_datastore_file(self, throw_exception: bool = False) -> None:
        with self._threads:  # of which one might be about to write what this would replace
            super()._init_from_datastore_file(throw_exception)

    def refresh(self) -> None:
        """Take up what was put into the folder, and forget what is gone."""
        with self._alone():
            super().refresh()

    def _update_datastore_file(self, lock: bool = True) -> None:  # noqa: ARG002
        content = self._datastore.model_dump(exclude={"base_path"})
        write_text(self._datastore_config_path, json.dumps(content, indent=2, default=str))
        self._config_ts = Path(self._datastore_config_path).stat().st_mtime

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Add an image that can be read as a radiograph; no file of the folder is replaced."""
        _check_names(image_id)
        suffixes = self._suffixes
        suffix = self._to_id(Path(image_filename).name)[1]
        if suffix.lower() not in suffixes or image_id.lower().endswith(suffixes):
            raise InputFileError(
                "the file's name has no suffix that is served here, or the id has one",
                remedy=f"Send a file with one of {', '.join(suffixes)}, and an id without",
            )
        target = Path(self._datastore.image_path(), self._filename(image_id, suffix))
        with self._alone():
            if target.exists() or image_id in self.list_images():
                if target.is_file() and filecmp.cmp(target, image_filename, shallow=False):
                    return image_id  # sent again, as by a client whose connection broke
                raise InputFileError("there is an image of that id", remedy="Choose another one")
            read_radiograph(image_filename, name=UNNAMED)
            with atomic_path(target) as new:  # whole or not at all, should the server be killed
                shutil.copyfile(image_filename, new)
            info = {**(image_info or {}), "ts": int(time.time()), "name": target.name}
            self._datastore.objects[image_id] = ImageLabelModel(image=DataModel(info=info, ext=suffix))
            self._update_datastore_file()
        return image_id

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Save a label, as a PNG file; it must have the size of its image."""
        _check_names(image_id, label_tag)
        uri = self.get_image_uri(image_id)
        if not uri:
            raise InputFileError("there is no such image", remedy="Choose one that the datastore lists")
        size = read_image(uri, any_view=True).pixels.shape[-2:]
        file = Path(self._datastore.label_path(label_tag), f"{image_id}.png")
        mask = _mask_for(label_filename, size)
        if not label_filename.endswith(".bin"):
            _refuse_radiograph(label_filename)
        with self._alone():
            save_mask(file, mask)  # whole or not at all, should the server be killed
            info = {**(label_info or {}), "ts": int(time.time()), "name": file.name}
            self._datastore.objects[image_id].labels[label_tag] = DataModel(info=info, ext=file.suffix)
            self._update_datastore_file()
        return image_id

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Add to what is known of an image."""
        with self._alone():
            super().update_image_info(image_id, info)

    def update_label_info(self, label_id: str, label_tag: str, info: dict[str, Any]) -> None:
        """Add to what is known of a label."""
        with self._alone():
            super().update_label_info(label_id, label_tag, info)


class DicomWebStudies(FolderStudies, DICOMWebDatastore):
    """Series of radiographs of a DICOMweb server; what is fetched and labelled is kept in a folder of this machine."""

    # Labels are those of this server's folder, not the DICOM SEG objects of the service.
    datalist = LocalDatastore.datalist
    get_labeled_images = LocalDatastore.get_labeled_images

    def get_image_uri(self, image_id: str) -> str:
        """Return the folder with the series' files, as they are on the server, after fetching them."""
        _check_names(image_id)
        folder = Path(self._datastore.image_path(), image_id).resolve()
        if not folder.is_dir():
            if image_id not in self.list_images():
                return ""
            try:
                with staged_folder(folder) as target:
                    dicom_web_download_series(None, image_id, str(target), self._client, self._fetch_by_frame)
            except OutputError:
                if not folder.is_dir():  # else another request has fetched it meanwhile
                    raise
        if image_id not in self._datastore.objects:
            info = self._dicom_info(image_id)  # by which a viewer finds the study
            with self._alone():
                self._datastore.objects[image_id] = ImageLabelModel(image=DataModel(info=info, ext=""))
                self._update_datastore_file()
        return str(folder)

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:  # noqa: ARG002
        """Refuse: images are those of the DICOMweb service."""
        raise InputFileError("images come from the DICOMweb service", remedy="Send it there")

    @cached(cache=TTLCache(maxsize=4, ttl=_EXPIRY))
    def list_images(self) -> list[str]:
        """Return the series of all modalities of radiography; servers differ in what a list of them means."""
        filters = [{"Modality": modality} for modality in RADIOGRAPHY]
        found = [series for each in filters for series in self._client.search_for_series(search_filters=each)]
        return [str(series[_SERIES]["Value"][0]) for series in found]

    def get_unlabeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """Return the images without one."""
        labelled = set(self.get_labeled_images(label_tag, labels))
        return [image for image in self.list_images() if image not in labelled]

    def get_label_uri(self, label_id: str, label_tag: str, image_id: str = "") -> str:  # noqa: ARG002
        """Return the file of a label."""
        return LocalDatastore.get_label_uri(self, label_id, label_tag)

    def _to_id(self, file: str) -> tuple[str, str]:  # of labels, whose names hold the dots of a UID
        return Path(file).stem, Path(file).suffix


def _check_names(*names: str) -> None:
    if any(escapes_folder(name) for name in names):
        raise InputFileError("an id or a tag leads out of its folder", remedy="Use a plain name")


def _refuse_radiograph(file: str) -> None:
    """Refuse what is grey nearly everywhere, of which a threshold would make a mask."""
    pixels = read_radiograph(file, name=UNNAMED).pixels
    grey = (pixels > 0.25 * pixels.max()) & (pixels < 0.75 * pixels.max())
    if np.unique(pixels[grey]).size > _MOST_LEVELS and grey.mean() > 0.25:
        raise InputFileError("the label holds grey values, as a radiograph does", remedy="Send the mask itself")


def _mask_for(file: str, size: tuple[int, ...]) -> np.ndarray:
    if file.endswith(".bin"):  # OHIF: the pixels row by row
        pixels = np.fromfile(file, np.uint8)
        mask = (pixels.reshape(size) > 0).astype(np.uint8) if pixels.size == np.prod(size) else None
    else:
        mask = read_mask(file)
    if mask is None or mask.shape != size:
        raise InputFileError("the label is not of its image's size", remedy="Draw it on the image itself")
    if (inversion := find_inversion(mask)) is not None:
        raise InputFileError(inversion, remedy=INVERT)
    return mask
