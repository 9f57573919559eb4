"""Lung segmentation in portable chest radiographs by multi-stage transfer learning, as MONAI bundles."""

__version__ = "0.1.0"
