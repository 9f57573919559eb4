"""What a study trains: its plan, and the arms and steps that follow from it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
