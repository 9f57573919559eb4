"""The one way from radiographs to masks, with measurements, quality flags and tables."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
