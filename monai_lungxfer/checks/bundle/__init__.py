"""Is a bundle fit for a model zoo? The checks of MONAI's public zoo that need neither a GPU nor a network."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
