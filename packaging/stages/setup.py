"""Weights beside those of monai_lungxfer's own wheel, whose files lie among its own: `pip wheel ./packaging/stages`."""

import re
from pathlib import Path

from setuptools import setup

ROOT = Path("..", "..")
VERSION = re.search('__version__ = "(.+)"', (ROOT / "monai_lungxfer" / "__init__.py").read_text())[1]

setup(
    version=VERSION,
    install_requires=[f"monai_lungxfer=={VERSION}"],
    packages=["monai_lungxfer.bundles"],
    package_dir={"monai_lungxfer.bundles": str(ROOT / "bundles")},
    package_data={
        "monai_lungxfer.bundles": [
            "lgg_mri_segmentation/models/model.*",
            "cxr_lung_segmentation/models/model.*",
            "portable_cxr_lung_segmentation/models/paper/*",
        ]
    },
)
