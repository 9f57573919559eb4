"""What is kept of libraries' messages in logs: who spoke, and the kind."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest
from pydicom.dataset import Dataset

from monai_lungxfer.io.formats.quiet import quiet
from monai_lungxfer.utils import log_redaction
from monai_lungxfer.utils.error_redaction import LIBRARY_MESSAGES
from monai_lungxfer.utils.log_redaction import (
    PROGRESS,
    RedactingFormatter,
    report_stray_errors,
    withhold_library_messages,
)


@pytest.fixture
def told() -> Iterator[io.StringIO]:
    """Return what is logged, at any level."""
    root, package, stream = logging.getLogger(), logging.getLogger("monai_lungxfer"), io.StringIO()
    before = root.handlers[:], root.level, package.level
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter("%(levelname)s %(message)s"))
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG)
    package.setLevel(logging.NOTSET)  # whatever a command has set in this process
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        yield stream
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    package.setLevel(before[2])


@pytest.mark.parametrize(
    ("logger", "said", "kept"),
    [
        ("pydicom", "WARNING pydicom: WARNING (text left out)\n", False),
        ("highdicom.base", "WARNING highdicom.base: WARNING (text left out)\n", False),
        ("root", "WARNING root: WARNING (text left out)\n", False),
        ("torchvision", "WARNING torchvision: WARNING (text left out)\n", False),
        ("monai_lungxfer_of_others", "WARNING monai_lungxfer_of_others: WARNING (text left out)\n", False),
        ("monai_lungxfer.io", "WARNING value 'Doe^John'\n", True),
        ("ignite.engine", "WARNING value 'Doe^John'\n", True),
        ("openvino.runtime", "WARNING value 'Doe^John'\n", True),
    ],
)
def test_who_spoke_is_told_and_of_few_what(told: io.StringIO, logger: str, said: str, kept: bool) -> None:
    withhold_library_messages(PROGRESS)
    logging.getLogger(logger).warning("value %r", "Doe^John", stack_info=not kept)
    assert told.getvalue() == said


def test_an_error_in_a_record_is_told_by_its_kind(told: io.StringIO) -> None:
    withhold_library_messages(PROGRESS)
    for logger in ("uvicorn.error", "ignite.engine"):
        try:
            raise KeyError("Doe^John")
        except KeyError as error:
            logging.getLogger(logger).exception("terminating due to exception: %s", error)
    assert told.getvalue() == "ERROR uvicorn.error: KeyError (text left out)\nERROR terminating due to exception: …\n"


def test_handlers_of_libraries_get_nothing_else(told: io.StringIO) -> None:
    withhold_library_messages()
    own = logging.StreamHandler(own_stream := io.StringIO())
    logger = logging.getLogger("a_library")
    logger.addHandler(own)
    logger.error("Doe^John")
    logger.removeHandler(own)
    assert own_stream.getvalue() == "a_library: ERROR (text left out)\n"


_WARNS = """
import logging, warnings
from pydicom.valuerep import validate_value
from monai_lungxfer.utils.log_redaction import withhold_library_messages
logging.basicConfig(format="%(levelname)s %(message)s")
withhold_library_messages()
warnings.simplefilter("always")
validate_value("PN", "Doe^John" * 20, 1)
"""


def test_a_warning_is_told_by_its_kind_and_place() -> None:
    """In a process of its own: threads of other tests change the filters of warnings, which Python holds once."""
    ran = subprocess.run([sys.executable, "-c", _WARNS], capture_output=True, text=True, check=True)
    assert "WARNING pydicom/" in ran.stderr
    assert "UserWarning (text left out)" in ran.stderr
    assert "Doe" not in ran.stderr + ran.stdout


def test_a_variable_shows_it_all(told: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIBRARY_MESSAGES, "1")
    before = warnings.showwarning
    withhold_library_messages()
    logging.getLogger("pydicom").warning("Doe^John")
    assert told.getvalue() == "WARNING Doe^John\n"
    assert warnings.showwarning is before


def test_threads_that_read_a_file_are_redacted_in_any_process(told: io.StringIO) -> None:
    def read() -> None:
        with quiet():
            logging.getLogger("pydicom.pixels.utils").warning("Doe^John")

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    logging.getLogger("pydicom.pixels.utils").warning("of somebody else's process")
    assert "Doe" not in told.getvalue()
    assert "of somebody else's process" in told.getvalue()


@pytest.mark.filterwarnings("ignore")
def test_errors_that_nobody_catches(told: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(module, name, getattr(module, name))
    withhold_library_messages()
    report_stray_errors()
    thread = threading.Thread(target=int, args=("Doe^John",))
    thread.start()
    thread.join()
    with pytest.raises(ValueError, match="Doe") as caught:
        Dataset().PixelSpacing = "Doe^John"
    sys.excepthook(caught.type, caught.value, caught.tb)
    assert "a thread ended by ValueError" in told.getvalue()
    assert "the program ended by ValueError" in told.getvalue()
    assert "pydicom/valuerep.py:" in told.getvalue()
    assert "Doe" not in told.getvalue()


def test_a_factory_of_others_around_this_one_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Ray puts one there, which calls the one before."""
    withhold_library_messages()
    inner = logging.getLogRecordFactory()
    try:
        logging.setLogRecordFactory(lambda *given: inner(*given, sinfo=None))
        withhold_library_messages()
        assert logging.getLogRecordFactory() is not log_redaction._FACTORY
        record = logging.getLogRecordFactory()("x", logging.INFO, "", 1, "Doe", (), None)
        assert record.getMessage() == "x: INFO (text left out)"
    finally:
        logging.setLogRecordFactory(inner)
