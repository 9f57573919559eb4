"""The two networks as PyTorch modules, what a configuration calls them, and freezing of their layers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
