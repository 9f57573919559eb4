"""The paper's metrics, and distances and counts, as numbers of one image and as Ignite metrics."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
