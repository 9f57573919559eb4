"""The app for MONAI Label: the served bundles behind its endpoints, each task by the one inference core."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from monailabel.config import settings
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.datastore import DefaultLabelTag
from monailabel.tasks.activelearning.first import First
from monailabel.tasks.activelearning.random import Random

from monai_lungxfer import __version__
from monai_lungxfer.bundle.files import bundle_adapters
from monai_lungxfer.serving.label.infer import RadiographInfer
from monai_lungxfer.serving.label.studies import DicomWebStudies, FolderStudies
from monai_lungxfer.serving.label.train import RadiographTrain
from monai_lungxfer.serving.label.uncertainty import SCORE, CorrectionsFirst, UncertaintyScoring
from monai_lungxfer.utils.errors import InputFileError


class LungApp(MONAILabelApp):
    """Serves the bundles in the folder `model` of the app's folder.

    The `studies` are a folder of radiographs, or the URL of a DICOMweb service. In `conf`, ``models`` names the
    bundles, with commas between them; ``device`` is as for `Segmenter.from_bundle`.
    """

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        models = Path(app_dir) / "model"
        self._bundles = {name: (models / name).resolve() for name in conf["models"].split(",")}
        description = "Lungs in chest radiographs. Not a medical device."
        super().__init__(app_dir, studies, conf, "monai_lungxfer", description, __version__)

    def init_datastore(self) -> FolderStudies:
        """Open the studies' folder, or connect to the DICOMweb server."""
        if self.studies.startswith(("http://", "https://")):
            return self._init_dicomweb_datastore()
        patterns, reload = settings.MONAI_LABEL_DATASTORE_FILE_EXT, settings.MONAI_LABEL_DATASTORE_AUTO_RELOAD
        return FolderStudies(self.studies, extensions=patterns, auto_reload=reload)

    def _init_dicomweb_datastore(self) -> DicomWebStudies:
        from dicomweb_client.session_utils import create_session_from_user_pass
        from monailabel.datastore.dicom import DICOMwebClientX

        user, password = settings.MONAI_LABEL_DICOMWEB_USERNAME, settings.MONAI_LABEL_DICOMWEB_PASSWORD
        session = create_session_from_user_pass(user, password) if user and password else None
        client = DICOMwebClientX(url=self.studies.rstrip("/"), session=session)
        return DicomWebStudies(client, {}, settings.MONAI_LABEL_DICOMWEB_CACHE_PATH, convert_to_nifti=False)

    def init_infers(self) -> dict[str, RadiographInfer]:
        """Load the bundles, and the adapters in each, which are models of their own: ``BUNDLE-ADAPTER``."""
        device = self.conf.get("device", "auto")
        adapted = {
            f"{name}-{adapter}": RadiographInfer(bundle, device, file)
            for name, bundle in self._bundles.items()
            for adapter, file in bundle_adapters(bundle).items()
        }
        return adapted | {name: RadiographInfer(bundle, device) for name, bundle in self._bundles.items()}

    def init_trainers(self) -> dict[str, RadiographTrain]:
        """Return the training of each bundle."""
        out = Path(self.app_dir).resolve().parent / "training"
        return {name: RadiographTrain(bundle, out / name) for name, bundle in self._bundles.items()}

    def init_strategies(self) -> dict[str, Any]:
        """Return how the next image is picked."""
        return {SCORE: CorrectionsFirst(self.studies), "random": Random(), "first": First()}

    def init_scoring_methods(self) -> dict[str, UncertaintyScoring]:
        """Return the scoring by the last model that is served."""
        return {SCORE: UncertaintyScoring(list(self._infers.values())[-1])}

    def infer(self, request: dict[str, Any], datastore: Any = None) -> dict[str, Any]:
        """Segment an image of the datastore, or one that was sent with the request, and no other file."""
        image = str(request.get("image", ""))
        sent = Path(image)
        is_sent = sent.is_absolute() and sent.resolve().parent == Path(tempfile.gettempdir()).resolve()
        if not is_sent and image not in (datastore or self.datastore()).list_images():
            raise InputFileError("there is no such image", remedy="Choose one that the datastore lists, or send a file")
        is_kept = bool(request.get("save_label")) and not is_sent
        result: dict[str, Any] = super().infer({**request, "image": image, "save_label": False}, datastore)
        if is_kept:
            self._keep(image, result, request, datastore or self.datastore())
        return result

    def _keep(self, image: str, result: dict[str, Any], request: dict[str, Any], datastore: Any) -> None:
        """Keep a result as a label; its file is deleted when that fails, which MONAI Label leaves behind."""
        try:
            tag = request.get("label_tag", DefaultLabelTag.ORIGINAL)
            told = {"model": request["model"], "params": result["params"]}
            result["label"] = datastore.save_label(image, result["file"], tag, told)
        except BaseException:
            Path(result["file"]).unlink(missing_ok=True)
            raise

    def batch_infer(self, request: dict[str, Any], datastore: Any = None) -> dict[str, Any]:
        """Segment many images; MONAI Label shares them out among GPUs, and fails without one, unless told otherwise."""
        return super().batch_infer({**request, "multi_gpu": False, "device": "cpu"}, datastore)
