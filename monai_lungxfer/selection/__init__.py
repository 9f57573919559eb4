"""Which unlabelled radiographs to draw first: diverse and uncertain ones, without near-duplicates."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
