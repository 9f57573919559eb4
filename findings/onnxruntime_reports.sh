#!/usr/bin/env bash
# ONNX Runtime 1.32.0 for Linux makes an identifier of the machine when it is imported, and queues events for its maker. A look
# on a machine of continuous integration does not show it: with the variable CI, or with ORT_DISABLE_TELEMETRY=1, nothing is
# written. `disable_telemetry_events()` comes too late, since it needs the import.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"

look() { # NAME CODE VARIABLE...
    local name=$1 code=$2
    shift 2
    mkdir -p "$name/tmp"
    env -i PATH="$PATH" HOME="$folder/$name" TMPDIR="$folder/$name/tmp" "$@" env/bin/python -c "$code"
    (cd "$name" && find . -type f | sort) > "$name.txt"
    echo "$name: $(tr '\n' ' ' < "$name.txt")"
}

look default 'import onnxruntime'
look disabled_by_call 'import onnxruntime; onnxruntime.disable_telemetry_events()'
look variable 'import onnxruntime' ORT_DISABLE_TELEMETRY=1
look ci 'import onnxruntime' CI=true
for name in default disabled_by_call; do
    grep -q '/deviceid$' "$name.txt"
    grep -q '/onnxruntime.db$' "$name.txt"
done
test ! -s variable.txt
test ! -s ci.txt
