"""What foreign objects do to a network: pairs of a radiograph without and with them, measured and reported."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
