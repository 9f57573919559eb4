"""The model of a DICOM node: loaded, tried on a phantom, and followed when its alias in the registry moves."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from monai_lungxfer.bundle.references import REGISTERED
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.serving.dicom.phantom_trial import try_on_phantom
from monai_lungxfer.serving.dicom.registered_model import ModelRegistry, RegisteredVersion, find_model
from monai_lungxfer.serving.dicom.settings import NodeModel
from monai_lungxfer.utils.error_redaction import describe_error
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.files import write_text

logger = logging.getLogger(__name__)

_LAST = "last-model"


@dataclass(frozen=True)
class ModelFacts:
    """What the status page and the metrics tell of the model.

    Attributes
    ----------
    model : str
        The identity that every result names, see `monai_lungxfer.inference.segmentation.ModelIdentity`.
    version : str or None
        Number of the version in the registry.
    since : float
        When it came into service, in seconds since 1970.
    loads, failures : int
        How often a model came into service, and how often one could not be fetched or loaded.
    problem : str or None
        Why the model that the alias stands at is not in service.
    """

    model: str
    version: str | None
    since: float
    loads: int = 1
    failures: int = 0
    problem: str | None = None


class FollowedModel:
    """Gives the segmenter in service; call it for each radiograph.

    A model that cannot be fetched or loaded, or that fails on a phantom, never comes into service: the one before
    stays. Moving the alias back rolls back.

    Parameters
    ----------
    settings : NodeModel
        What to load.
    folder : pathlib.Path
        Where versions of a registered model are kept, so that the node starts when the registry is down.

    Raises
    ------
    LungXferError
        When there is no model to begin with.
    """

    def __init__(self, settings: NodeModel, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._refused: str | None = None  # key of a version that does not load
        self._registry: ModelRegistry | None = None
        self._kept: RegisteredVersion | None = None
        self._problem: str | None = None  # why it is not the registered one that is in service at the start
        if settings.weights is not None and settings.weights.startswith(REGISTERED):
            self._registry = ModelRegistry(settings.weights, settings.tracking_uri, folder)
            self._segmenter = self._first(self._registry)
        else:
            self._segmenter = load_segmenter(settings)
        version = None if self._kept is None else self._kept.version
        self.facts = ModelFacts(str(self._segmenter.identity), version, time.time(), problem=self._problem)

    def __call__(self) -> Segmenter:
        """Return the segmenter in service."""
        return self._segmenter

    def _first(self, registry: ModelRegistry) -> Segmenter:
        """Load the registered model; where it cannot be had or does not load, the one that was in service last."""
        try:
            wanted = registry.look_up()
            segmenter = load_segmenter(self._settings, registry.fetch(wanted))
        except Exception as error:
            last = self._last()
            if last is None:
                raise
            self._problem = error.without_source if isinstance(error, LungXferError) else describe_error(error)
            logger.warning("The model that was in service last is loaded, since: %s", self._problem)
            return load_segmenter(self._settings, last)
        self._kept = wanted
        self._remember(wanted)
        return segmenter

    def _last(self) -> Path | None:
        try:
            reference, key, version = (self._folder / _LAST).read_text(encoding="utf-8").splitlines()
            if reference != self._settings.weights:
                return None
            self._kept = RegisteredVersion(reference, version, key)
            return find_model(self._folder / key)
        except (OSError, ValueError, IndexError):
            return None

    def _remember(self, version: RegisteredVersion) -> None:
        write_text(self._folder / _LAST, f"{self._settings.weights}\n{version.key}\n{version.version}\n")

    def follow(self) -> bool:
        """Ask the registry where the alias stands, and change the model if it has moved; returns whether it changed.

        What goes wrong is logged and counted, not raised.
        """
        if self._registry is None or not self._registry.can_move:
            return False
        try:
            wanted = self._registry.look_up()
            if self._kept is not None and wanted.key == self._kept.key:
                self._refused, self.facts = None, replace(self.facts, problem=None)
                return False
            if wanted.key == self._refused:
                return False
            found = self._registry.fetch(wanted)
        except LungXferError as error:
            return self._note_failure(error.without_source)
        try:
            segmenter = load_segmenter(self._settings, found)
        except Exception as error:  # noqa: BLE001 - whatever a foreign model raises, the one in service stays
            self._refused = wanted.key
            told = error.without_source if isinstance(error, LungXferError) else describe_error(error)
            return self._note_failure(f"version {wanted.version} does not load: {told}")
        self._change(segmenter, wanted)
        return True

    def _change(self, segmenter: Segmenter, version: RegisteredVersion) -> None:
        before = {self._kept.key} if self._kept is not None else set()
        self._segmenter, self._kept, self._refused = segmenter, version, None
        loads, failures = self.facts.loads + 1, self.facts.failures
        self.facts = ModelFacts(str(segmenter.identity), version.version, time.time(), loads, failures)
        logger.info("The model is %s now, version %s in the registry", segmenter.identity, version.version)
        try:
            self._remember(version)
            if self._registry is not None:
                self._registry.forget_others(before | {version.key})
        except (LungXferError, OSError) as error:
            logger.warning("The model cannot be kept for the next start: %s", describe_error(error))

    def _note_failure(self, problem: str) -> bool:
        if problem != self.facts.problem:  # once, not every minute
            logger.error("The model in service stays %s, since: %s", self._segmenter.identity, problem)
        self.facts = replace(self.facts, failures=self.facts.failures + 1, problem=problem)
        return False

    def start(self) -> None:
        """Tell the log which model it is, and follow the alias in a thread of its own, if there is one."""
        logger.info("The model is %s", self.facts.model)
        if self._registry is not None and self._registry.can_move:
            self._thread = threading.Thread(target=self._run, name="model", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread; one that is loading a model is not waited for."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(self._settings.follow_seconds):
            try:
                self.follow()
            except Exception as error:  # noqa: BLE001 - the thread must live as long as the node
                self._note_failure(describe_error(error))


def load_segmenter(settings: NodeModel, found: Path | None = None) -> Segmenter:
    """Load the model that the settings name, or that the registry gave, and try it on a phantom.

    Raises
    ------
    LungXferError
        When it cannot be loaded, or finds no lungs in the phantom.
    """
    bundle, weights = (settings.bundle, settings.weights) if found is None else (settings.bundle, str(found))
    if found is not None and found.is_dir():
        bundle, weights = str(found), None
    segmenter = Segmenter.from_bundle(bundle, weights=weights, engine=settings.engine, fast=settings.fast)
    try_on_phantom(segmenter)
    return segmenter
