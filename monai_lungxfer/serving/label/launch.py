"""Getting a server ready: its environment, its folder with the bundles, its settings; then starting it."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import monai_lungxfer
from monai_lungxfer.bundle.files import bundles_root
from monai_lungxfer.serving.label.bundles import load_segmenter, served_copy
from monai_lungxfer.serving.label.environment import label_environment
from monai_lungxfer.serving.label.server import LOCKED, SETTINGS
from monai_lungxfer.utils.errors import BundleError, LungXferError
from monai_lungxfer.utils.files import staged_folder, write_text
from monai_lungxfer.utils.locks import hold_lock

EXPOSED = (
    "Whoever reaches this address can see all radiographs of the studies, send images, send and replace labels, "
    "and start and stop trainings. There are no users and no encryption"
)

_SUFFIXES = (
    *(".nii.gz", ".nii", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".jp2", ".j2k", ".webp", ".gif", ".dcm", ".dicom"),
)
_PATTERNS = [f"*{each}" for suffix in _SUFFIXES for each in (suffix, suffix.upper())]  # in both, for the stock app
_LOCK = "server.lock"
_LAST_OF_STOCK = Path("torchvision", "utils.py")
_TEMPORARY = "tmp"  # what requests have sent
_MAIN = "from monai_lungxfer.serving.label.app import LungApp\n\n__all__ = ['LungApp']\n"


@dataclass(frozen=True)
class LabelSettings:
    """What is served, and to whom.

    Attributes
    ----------
    studies : str
        A folder of radiographs, or the URL of a DICOMweb service.
    bundles : sequence of str
        Stages, bundles' names, folders or archives.
    out : pathlib.Path
        The server's folder: copies of the bundles, trainings, what was fetched.
    host, port : str, int
        Where to listen.
    expose : bool
        Whether another address than this machine's own may be listened at.
    max_megabytes : float
        Largest request, in units of 10^6 bytes.
    device : str
        As for `Segmenter.from_bundle`.
    stock : bool
        Whether MONAI Label's app `monaibundle` serves the bundles, instead of this package's.
    allow_hosts : sequence of str
        Names that browsers may call the server by, besides `host`, addresses and, when others can reach it, this
        machine's own name.
    """

    studies: str
    bundles: Sequence[str] = ("portable",)
    out: Path = Path("runs/label")
    host: str = "127.0.0.1"
    port: int = 8000
    expose: bool = False
    max_megabytes: float = 100
    device: str = "auto"
    stock: bool = False
    allow_hosts: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be served, or would be open to others without having been asked for."""
        if not self.is_dicomweb and not Path(self.studies).is_dir():
            raise LungXferError(
                "the studies are neither a folder nor a URL", source=self.studies, remedy="Give one of them (--studies)"
            )
        if urlsplit(self.studies).password is not None and self.is_dicomweb:
            raise LungXferError(
                "the URL holds a password, which would get into logs",
                remedy="Set MONAI_LABEL_DICOMWEB_USERNAME and MONAI_LABEL_DICOMWEB_PASSWORD instead",
            )
        for name in self.allow_hosts:
            if not re.fullmatch(r"[\w.-]+", name):
                remedy = "Give it without a port or a scheme, such as label.example"
                raise LungXferError("--allow-host is not the name of a machine", source=name, remedy=remedy)
        if not self.is_local and (self.stock or not self.expose):
            remedy = "Leave --host away" if self.stock else "Put a proxy with both in front, or allow it with --expose"
            raise LungXferError(f"{self.host} can be reached from other machines. {EXPOSED}", remedy=remedy)

    @property
    def is_dicomweb(self) -> bool:
        """Whether the studies are those of a DICOMweb service."""
        return self.studies.startswith(("http://", "https://"))

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True)
class Command:
    """A server to be started: `words` in the folder `folder`, with the variables `environment`."""

    words: list[str]
    environment: dict[str, str]
    folder: Path


def prepare(settings: LabelSettings) -> Command:
    """Make everything that a server needs, in a folder that no other server works in."""
    out = settings.out.absolute()
    with hold_lock(out / _LOCK, *LOCKED):  # the server takes the lock again
        python = label_environment()
        copies = [served_copy(bundle, out / "model") for bundle in settings.bundles]
        for copy in copies:
            served = load_segmenter(copy, settings.device)  # wrong weights are reported here, before anything listens
            if settings.stock and served.identity.base_sha256 is not None:
                raise BundleError(
                    "its weights are an adapter, and MONAI Label's own app does not load the base",
                    source=copy,
                    remedy="Leave --stock out",
                )
        app = _app_folder(out, python, stock=settings.stock)
        temporary = out / _TEMPORARY
        temporary.mkdir(exist_ok=True)
    conf = {"models": ",".join(copy.name for copy in copies), "device": settings.device}
    conf |= {"zoo_source": "local", "sam2": "false"} if settings.stock else {}
    variables = _variables(settings, out, app, conf)
    return Command([str(python), "-m", "monai_lungxfer.serving.label.server"], os.environ | variables, temporary)


def _app_folder(out: Path, python: Path, *, stock: bool) -> Path:
    """Return the folder of the app, with the bundles' folder linked into it."""
    app = out / ("stock" if stock else "app")
    if stock and not (app / _LAST_OF_STOCK).is_file():
        source = python.parent.parent / "monailabel" / "sample-apps" / "monaibundle"
        with staged_folder(app) as new:
            shutil.copytree(source, new, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
            # It imports two functions that it never calls, and PyPI has no torchvision for processors' builds of torch.
            (new / _LAST_OF_STOCK).parent.mkdir()
            (new / _LAST_OF_STOCK).write_text("make_grid = save_image = None\n", encoding="utf-8")
    if not stock:
        write_text(app / "main.py", _MAIN)
    _link(app / "model", out / "model")
    # Alone in a folder, or the packages of this environment would get into the other one.
    package = Path(monai_lungxfer.__file__).resolve().parent
    _link(out / "python" / package.name, package)
    if bundles_root().parent != package:  # a checkout
        _link(out / "python" / "bundles", bundles_root())
    return app


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink() and link.readlink() == target:
        return
    if link.is_symlink():
        link.unlink()
    link.symlink_to(target, target_is_directory=True)


def _hosts(settings: LabelSettings) -> list[str]:
    """Return the names that requests may call the server by; a page of another site, rebound to it, has its own."""
    names = {"localhost", settings.host, *settings.allow_hosts}
    if not settings.is_local:
        names |= {socket.gethostname(), socket.getfqdn()}
    return sorted(name.lower() for name in names)


def _variables(settings: LabelSettings, out: Path, app: Path, conf: dict[str, str]) -> dict[str, str]:
    decided = {
        "host": settings.host,
        "port": settings.port,
        "hosts": _hosts(settings),
        "max_bytes": int(settings.max_megabytes * 1e6),
        "with_proxy": settings.is_dicomweb,
        "stock": settings.stock,
        "lock": str(out / _LOCK),
    }
    label = {
        "APP_DIR": str(app),
        "STUDIES": settings.studies if settings.is_dicomweb else str(Path(settings.studies).absolute()),
        "APP_CONF": json.dumps(conf),
        "SERVER_PORT": str(settings.port),
        "DATASTORE_FILE_EXT": json.dumps(_PATTERNS),
        "DICOMWEB_CACHE_PATH": str(out / "dicomweb"),
        "SESSIONS": "false",
        "AUTO_UPDATE_SCORING": "false",
        "TRACKING_ENABLED": "false",
    }
    return {
        SETTINGS: json.dumps(decided),
        "PYTHONPATH": os.pathsep.join([str(out / "python"), *([str(app)] if settings.stock else [])]),
        "PYTHONNOUSERSITE": "1",
        "TMPDIR": str(out / _TEMPORARY),
        **{f"MONAI_LABEL_{name}": value for name, value in label.items()},
    }
