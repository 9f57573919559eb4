"""The settings of a DICOM node: one TOML file, each table of which is a class here."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Title = Annotated[str, StringConstraints(max_length=16, pattern=r"^[ -\[\]-~]*[!-\[\]-~][ -\[\]-~]*$")]
"""An application entity title (VR AE of PS3.5, 6.2): 1 to 16 ASCII characters, not all blank, without backslash."""

Port = Annotated[int, Field(ge=1, le=65535)]
Kind = Literal["segmentation", "overlay", "report", "presentation"]
"""DICOM SEG, secondary capture with the contour, SR (TID 1500), and presentation state (GSPS) with the contour."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tls(_Table):
    """Certificates of one direction: `certificate` and `key` are the node's own, `authority` signs the other side's."""

    certificate: Path
    key: Path
    authority: Path


class Listener(_Table):
    """Where radiographs are received by C-STORE, and from whom."""

    ae_title: Title = "LUNGXFER"
    host: str = "127.0.0.1"
    port: Port = 11112
    callers: tuple[Title, ...] = ()  # any caller when empty
    addresses: tuple[IPv4Network | IPv6Network, ...] = ()  # any address when empty
    most_associations: Annotated[int, Field(ge=1)] = 10
    tls: Tls | None = None


class Watch(_Table):
    """A folder whose files are taken once they have stopped growing for `settle_seconds`."""

    folder: Path
    settle_seconds: Annotated[float, Field(gt=0)] = 5
    every_seconds: Annotated[float, Field(gt=0)] = 2


class Poll(_Table):
    """A DICOMweb service that is asked for new studies."""

    url: str
    modalities: tuple[str, ...] = ("CR", "DX")
    every_seconds: Annotated[float, Field(gt=0)] = 30
    days_back: Annotated[int, Field(ge=0)] = 1  # by Study Date


class NodeModel(_Table):
    """What segments. A reference such as ``models:/lungs@champion`` is asked again every `follow_seconds`."""

    bundle: str = "portable"
    weights: str | None = None
    tracking_uri: str | None = None
    engine: Literal["auto", "torch", "onnx", "openvino"] = "auto"
    fast: bool = False
    follow_seconds: Annotated[float, Field(gt=0)] = 60


class Results(_Table):
    """What is made of each radiograph."""

    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = ("segmentation", "overlay", "report")
    sides: bool = True  # a segment for each lung
    any_view: bool = False  # also what is no frontal chest radiograph by its header
    strict: bool = False  # refuse what does not look like one


class _Destination(_Table):
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
    timeout_seconds: Annotated[float, Field(gt=0)] = 30
    connections: Annotated[int, Field(ge=1, le=16)] = 2


class DicomDestination(_Destination):
    """An archive by C-STORE."""

    kind: Literal["dicom"]
    host: str
    port: Port = 104
    ae_title: Title = "ANY-SCP"
    tls: Tls | None = None


class DicomwebDestination(_Destination):
    """An archive by STOW-RS. The environment variable `authorization` holds the header's value, if one is needed.

    Without it, the credentials of `[poll]` are used where that is the same server.
    """

    kind: Literal["dicomweb"]
    url: str
    authorization: str | None = None


class FolderDestination(_Destination):
    """A folder: `STUDY/SERIES/INSTANCE.dcm`, by UIDs."""

    kind: Literal["folder"]
    folder: Path


Destination = Annotated[DicomDestination | DicomwebDestination | FolderDestination, Field(discriminator="kind")]


class Spool(_Table):
    """Where radiographs and results wait, and how long they are kept."""

    folder: Path = Path("lungxfer-node")
    most_waiting: Annotated[int, Field(ge=1)] = 20000  # radiographs that are not done; more are refused
    free_megabytes: Annotated[int, Field(ge=0)] = 1000  # space that must be left on the disk
    keep_done_days: Annotated[float, Field(ge=0)] = 1  # files; rows are kept ten times as long
    keep_failed_days: Annotated[float, Field(ge=0)] = 30


class Retry(_Table):
    """Deliveries that fail are tried again after `first_seconds`, twice that, … `longest_seconds`, then given up."""

    first_seconds: Annotated[float, Field(gt=0)] = 5
    longest_seconds: Annotated[float, Field(gt=0)] = 900
    tries: Annotated[int, Field(ge=1)] = 50


class Status(_Table):
    """Where `/healthz`, `/metrics` and the status page are. `host` should stay a local one."""

    host: str = "127.0.0.1"
    port: Port = 11180


class Log(_Table):
    """Structured log, one JSON object a line, without patient data; standard error without a file."""

    file: Path | None = None
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class NodeSettings(_Table):
    """All settings. Only one destination must be given; everything else has a default."""

    listen: Listener | None = Listener()
    watch: Watch | None = None
    poll: Poll | None = None
    model: NodeModel = NodeModel()
    results: Results = Results()
    destination: Annotated[tuple[Destination, ...], Field(min_length=1)]
    spool: Spool = Spool()
    retry: Retry = Retry()
    status: Status | None = Status()
    log: Log = Log()
    jobs: Annotated[int, Field(ge=1)] | None = None  # radiographs at a time; one a core without it
