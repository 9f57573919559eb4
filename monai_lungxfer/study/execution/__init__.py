"""How a study is carried out: steps in order, resumed, on one machine or on Ray."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
