"""The MONAI bundles of this package: which there are, where they are, and how one is run."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
