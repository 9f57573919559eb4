"""A DICOM node as a service: with its log, its model, and the status server around it."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path

from monai_lungxfer import __version__
from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.serving.dicom.health import NodeView
from monai_lungxfer.serving.dicom.log import configure_node_log
from monai_lungxfer.serving.dicom.model import FollowedModel
from monai_lungxfer.serving.dicom.node import DicomNode, run_until_stopped
from monai_lungxfer.serving.dicom.phantom_trial import rehearse_results
from monai_lungxfer.serving.dicom.settings import NodeSettings
from monai_lungxfer.serving.dicom.status import StatusServer

logger = logging.getLogger(__name__)

_MODELS = "models"


def models_folder(settings: NodeSettings) -> Path:
    """Return the folder of the spool in which models of a registry are kept."""
    return settings.spool.folder / _MODELS


def serve_node(settings: NodeSettings) -> None:
    """Run a node until SIGTERM or SIGINT stops it. What it sends is not a medical device's.

    LungXferError is raised when the model, the spool, a port or a certificate cannot be used.
    """
    configure_node_log(settings.log)
    logger.info("monai_lungxfer %s. %s", __version__, NOTICE)
    model = FollowedModel(settings.model, models_folder(settings))
    rehearse_results(model(), settings.results.kinds, sides=settings.results.sides)
    run_until_stopped(NodeService(settings, model))


class NodeService(DicomNode):
    """A node whose model is followed, and which tells its status.

    Parameters
    ----------
    settings : NodeSettings
        All settings.
    model : FollowedModel
        Gives the segmenter in service.
    """

    def __init__(self, settings: NodeSettings, model: FollowedModel) -> None:
        super().__init__(settings, model)
        self.model = model
        self._around = ExitStack()

    def start(self) -> None:
        """Begin to receive, then to tell the status; errors are those of `DicomNode` and `StatusServer`."""
        super().start()
        try:
            self.model.start()
            self._around.callback(self.model.stop)
            if self.settings.status is not None:
                self._around.callback(StatusServer(self.settings.status, self.view()).stop)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Tell the status no more, and end as a node does."""
        self._around.close()
        super().stop()

    def view(self) -> NodeView:
        """Return what the status page and the metrics look at."""
        return NodeView(self.settings, self.journal, self.find_problems, self.find_unreached, lambda: self.model.facts)

    def find_problems(self) -> dict[str, str | None]:
        """Return, for each part that runs, what keeps it from its work, or ``None``."""
        found: dict[str, str | None] = {}
        if self.receiver is not None:
            found["receiver"] = None if self.receiver.is_listening else "does not listen"
        if self.watched_folder is not None:
            found["watch"] = None if self.watched_folder.is_alive else "the folder is gone, or its thread has ended"
        if self.web_poll is not None:
            found["poll"] = None if self.web_poll.is_alive else "the server does not answer, or the thread has ended"
        ended = self.workers.jobs - self.workers.alive
        found["workers"] = f"{ended} of {self.workers.jobs} threads have ended" if ended else None
        stopped = [courier.name for courier in self.couriers if not courier.is_alive]
        found["delivery"] = f"the threads of {', '.join(stopped)} have ended" if stopped else None
        return found

    def find_unreached(self) -> list[str]:
        """Return the destinations that could not be reached when they were last tried."""
        return [courier.name for courier in self.couriers if not courier.is_reached]
