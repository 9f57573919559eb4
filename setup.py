"""List the packages: all that are found, and the bundles, which are a folder without Python code (see setup.cfg)."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["monai_lungxfer*"]), "monai_lungxfer.bundles"])
