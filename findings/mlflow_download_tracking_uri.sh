#!/usr/bin/env bash
# MLflow 3.17.2: `mlflow.artifacts.download_artifacts` takes a tracking_uri and a registry_uri. For a version of a registered
# model, it looks the version up there, and then looks for its logged model in the process's own tracking store: "not found".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet mlflow==3.17.2
cd "$folder"
env/bin/python - << 'PYTHON' 2> /dev/null
import sys

import mlflow


class Model(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input: list[str]):
        return model_input


there = "sqlite:///there.db"
mlflow.set_tracking_uri(there)
mlflow.pyfunc.log_model(name="model", python_model=Model(), registered_model_name="m", pip_requirements=[])
mlflow.set_tracking_uri("sqlite:///default.db")


def download(**uris):
    try:
        mlflow.artifacts.download_artifacts("models:/m/1", **uris)
    except mlflow.MlflowException as error:
        return error.error_code
    return "downloaded"


given = download(tracking_uri=there, registry_uri=there)
mlflow.set_tracking_uri(there)
own = download()
print(f"with tracking_uri and registry_uri: {given}")
print(f"with the same as the process's own: {own}")
sys.exit(0 if (given, own) == ("RESOURCE_DOES_NOT_EXIST", "downloaded") else 1)
PYTHON
