"""What the MONAI Deploy application tells: in its log, without a path or a file's name, and by its exit code."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from monai_lungxfer.bundle.redaction import PATH
from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.inference.tables import TABLE_NAMES, Prediction
from monai_lungxfer.utils.exit_codes import exit_code
from monai_lungxfer.utils.log_redaction import RedactingFormatter, withhold_library_messages

logger = logging.getLogger(__name__)

_NAMERS = ("monai_lungxfer.io.radiograph", "monai_lungxfer.inference.segmenter")
_STATUSES = {"done": "segmented", "skipped": "skipped", "left out": "left out"}


def configure(level: str | None, stream: TextIO | None = None) -> None:
    """Send this package's messages to standard error or a stream, without paths, and that others failed.

    A log of an application in a hospital goes where its studies may not: folders and files are often named after
    patients, and the SDK's messages repeat paths and header values. `level` names the lowest level that is shown;
    "DEBUG" shows messages as they are, also the other packages'.
    """
    is_open = level == "DEBUG"
    handler = logging.StreamHandler(stream)
    form = "%(asctime)s %(levelname)s %(message)s"
    handler.setFormatter(logging.Formatter(form) if is_open else RedactingFormatter(form))
    logging.basicConfig(level=level if is_open else "ERROR", handlers=[handler], force=True)
    logging.getLogger("monai_lungxfer").setLevel(level or "INFO")
    if not is_open:
        withhold_library_messages()
        handler.addFilter(_without_paths)
        logging.getLogger("monai_lungxfer.utils.log_redaction").setLevel("ERROR")  # not each of their warnings
        logging.getLogger("monai_lungxfer.inference.batch").setLevel("ERROR")  # names what is told here by its row


def _without_paths(record: logging.LogRecord) -> bool:
    if isinstance(record.args, tuple):
        args = tuple(PATH if isinstance(value, Path) else value for value in record.args)
        # Their messages begin with the name of the image, which is its path below the study.
        record.args = (PATH, *args[1:]) if args and record.name in _NAMERS else args
    return True


def report(predictions: Sequence[Prediction]) -> int:
    """Log what became of the files of a study, each known by its row of the table, and return the exit code.

    As for ``lungxfer predict``, it is 0, 1 when a file was skipped, or 2 when nothing could be segmented.
    """
    for number, prediction in enumerate(predictions, start=1):
        if prediction.reason is not None:
            logger.warning("row %d: %s: %s", number, prediction.status, prediction.reason)
        elif prediction.flags:
            logger.warning("row %d: look at the mask: %s", number, ", ".join(prediction.flags))
        for remark in prediction.remarks:
            logger.warning("row %d: %s", number, remark)
    counts = Counter(prediction.status for prediction in predictions)
    told = ", ".join(f"{counts[status]} {word}" for status, word in _STATUSES.items())
    logger.info("%s; the rows are those of %s. %s", told, TABLE_NAMES[0], NOTICE)
    return exit_code(counts.elements())
