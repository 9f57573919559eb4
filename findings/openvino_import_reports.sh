#!/usr/bin/env bash
# Importing OpenVINO 2026.4.1 makes an identifier of the user for Google Analytics and tries to report the import, without
# having asked. With the variable CI=true it does not, so tests there do not show it. No other variable stops it;
# it imports as well where its package openvino_telemetry cannot be imported.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet openvino==2026.4.1 openvino-telemetry==2025.2.0 numpy==2.4.6
cd "$folder"

look() { # NAME CODE VARIABLE...
    local name=$1 code=$2
    shift 2
    mkdir -p "$name"
    env -i PATH="$PATH" HOME="$folder/$name" TMPDIR="$folder/$name" "$@" env/bin/python -c "$code"
    (cd "$name" && find . -type f | sort) > "$name.txt"
    echo "$name: $(tr '\n' ' ' < "$name.txt")"
}

look default 'import openvino'
look ci 'import openvino' CI=true
look without 'import sys; sys.modules["openvino_telemetry"] = None; import openvino; openvino.convert_model'
grep -q '/openvino_ga_cid$' default.txt
test ! -s ci.txt
test ! -s without.txt
