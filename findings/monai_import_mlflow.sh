#!/usr/bin/env bash
# Where MLflow 3.17.2 is installed, `import monai` (1.6.1) imports it, and MLflow then makes an identifier of the installation
# for its telemetry. A program that tracks nothing, and never names MLflow, gets one. With the variable CI=true or
# MLFLOW_DISABLE_TELEMETRY=true there is none.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet torch==2.13.0 monai==1.6.1 mlflow==3.17.2 pytorch-ignite==0.5.5
cd "$folder"

look() { # NAME VARIABLE...
    local name=$1
    shift
    mkdir -p "$name"
    env -i PATH="$PATH" HOME="$folder/$name" "$@" env/bin/python -c 'import monai, sys; print("mlflow" in sys.modules)'
    (cd "$name" && find . -path '*mlflow*' -type f) > "$name.txt"
    echo "$name: $(tr '\n' ' ' < "$name.txt")"
}

look default
look ci CI=true
look variable MLFLOW_DISABLE_TELEMETRY=true
grep -q '/mlflow/telemetry.json$' default.txt
test ! -s ci.txt
test ! -s variable.txt
