"""What carries a segmentation out: a bundle's inference.yaml by MONAI, or the compiled pipeline made from it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
