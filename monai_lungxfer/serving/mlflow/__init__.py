"""The model for `mlflow models serve` and `mlflow.pyfunc.load_model`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
