"""The shape of lung masks: finding the two lungs, islands and bridges, and removing what is not lung."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
