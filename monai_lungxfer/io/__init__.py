"""The one reader of radiographs and masks, and the one writer of masks."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
