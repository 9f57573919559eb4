"""Importing a package only when something of it is used: MONAI imports all its optional packages at once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

RARELY_USED = ("itk", "matplotlib", "matplotlib.pyplot", "mlflow", "mlflow.entities", "requests")
"""What MONAI and pydicom import where it is installed, half of their processor time, and most predictions never use."""

_ALONE = ("mlflow.exceptions", "mlflow.error_classification", "mlflow.protos")
"""Small modules of which MONAI takes a class; they need nothing of the package above them."""

_LOCK = threading.RLock()


def defer_imports(names: Sequence[str] = RARELY_USED) -> None:
    """Let ``import NAME`` give a module that is loaded when its first attribute is asked for.

    The names are of packages, and submodules of them, that are written in Python. Modules that are loaded already stay
    as they are. Another submodule loads the package above it first, as Python always does. This changes the whole
    process, so it is for programs, such as the command line.
    """
    sys.meta_path.insert(0, _Finder(frozenset(names)))


class _Finder(MetaPathFinder):
    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002 - the protocol's signature
    ) -> ModuleSpec | None:
        if fullname.startswith(_ALONE):
            return None
        if fullname not in self._names:
            above = sys.modules.get(fullname.rpartition(".")[0])
            if isinstance(above, _Deferred):
                above.load()
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _DeferredLoader(spec.loader)
        return spec


class _DeferredLoader(Loader):
    def __init__(self, real: Loader) -> None:
        self.real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Deferred(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: `_Deferred.load` does it."""


class _Deferred(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name in ("__file__", "__path__", "__cached__"):  # the import system looks for them, and then sets them
            raise AttributeError(name)
        self.load()
        whole = sys.modules.get(self.__name__, self)  # some packages, such as itk, put another module in their place
        if whole is self and isinstance(self, _Deferred):  # its own code asks for what it has not defined yet
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(whole, name)

    def load(self) -> None:
        """Load the module. Other threads wait until it is whole, the one that loads it sees it as it grows."""
        with _LOCK:
            above = sys.modules.get(self.__name__.rpartition(".")[0])
            if isinstance(above, _Deferred):  # as Python would, since each may need the other
                above.load()
            spec, deferred = self.__spec__, self.__spec__ and self.__spec__.loader
            if spec is None or not isinstance(deferred, _DeferredLoader):
                return  # another thread was first, or this one is loading it
            self.__loader__ = spec.loader = deferred.real
            try:
                deferred.real.exec_module(self)
            except BaseException:
                spec.loader = deferred  # so that the next use tries again
                raise
            if sys.modules.get(self.__name__) is self:
                self.__class__ = ModuleType  # type: ignore[assignment]
