"""Whether what a device sends has changed: tables of predictions are compared with those of a reference set."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
