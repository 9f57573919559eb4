"""Lung segmentation in portable chest radiographs by multi-stage transfer learning, as MONAI bundles."""

import lazy_loader

from monai_lungxfer.utils.telemetry import refuse_telemetry

__version__ = "0.1.0"

refuse_telemetry()

# Names are imported when they are first used (PEP 562): `__init__.pyi` lists them.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
