#!/usr/bin/env bash
# MONAI 1.6.1, ConfigParser: "$import os.path" binds the name "os.path" and not "os", unlike Python's statement.
# An expression that uses another part of the package, such as "$os.getpid()", fails with a NameError.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet torch==2.13.0 monai==1.6.1 PyYAML==6.0.3
"$folder/env/bin/python" - << 'PYTHON'
import monai
from monai.bundle import ConfigParser


def outcome(imported: str) -> str:
    parser = ConfigParser({"imports": [imported], "number": "$os.getpid() > 0"})
    try:
        return str(parser.get_parsed_content("number"))
    except Exception as error:
        while error.__cause__ is not None:
            error = error.__cause__
        return type(error).__name__


found = {imported: outcome(imported) for imported in ("$import os", "$import os.path")}
print(f"MONAI {monai.__version__}: {found}")
raise SystemExit(0 if found == {"$import os": "True", "$import os.path": "NameError"} else "this has changed")
PYTHON
