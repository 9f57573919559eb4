#!/usr/bin/env bash
# MONAI 1.6.1, ConfigParser: a component with `_disabled_: true` is dropped from a list when it is written in the list.
# When the list refers to it by "@id", it stays there as None. An engine that is given the list then fails on None.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet torch==2.13.0 monai==1.6.1 PyYAML==6.0.3
"$folder/env/bin/python" - << 'PYTHON'
import monai
from monai.bundle import ConfigParser

part = {"_target_": "monai.transforms.Flip", "_disabled_": True}
written = ConfigParser({"list": [part, 1]}).get_parsed_content("list")
referred = ConfigParser({"part": part, "list": ["@part", 1]}).get_parsed_content("list")
print(f"MONAI {monai.__version__}: written in the list {written}, referred to {referred}")
raise SystemExit(0 if (written, referred) == ([1], [None, 1]) else "this has changed")
PYTHON
