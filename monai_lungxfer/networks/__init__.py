"""The networks as PyTorch modules, what a configuration calls them, freezing of their layers, and translators."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
