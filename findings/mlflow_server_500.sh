#!/usr/bin/env bash
# MLflow 3.17.2: the server of a model answers 500 to a request without Content-Type, and to JSON that Python's reader does
# not take, such as a number of 5,000 digits or 100,000 nested lists. To CSV that cannot be read it answers 400 with the
# stack trace, which names folders of the server.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet mlflow==3.17.2 httpx==0.28.1
cd "$folder"
env/bin/python - << 'PYTHON' 2> /dev/null
import sys

import mlflow
import pandas as pd
from fastapi.testclient import TestClient
from mlflow.pyfunc import scoring_server


class Model(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input


example = pd.DataFrame({"a": ["x"]})
signature = mlflow.models.infer_signature(example, example)
mlflow.pyfunc.save_model("model", python_model=Model(), signature=signature, pip_requirements=[])
client = TestClient(scoring_server.init(mlflow.pyfunc.load_model("model")), raise_server_exceptions=False)
good, json_type = '{"dataframe_records": [{"a": "x"}]}', {"Content-Type": "application/json"}
answers = {
    "a good request": client.post("/invocations", content=good, headers=json_type),
    "the same without Content-Type": client.post("/invocations", content=good),
    "a number of 5,000 digits": client.post("/invocations", content='{"a": ' + "9" * 5000 + "}", headers=json_type),
    "100,000 nested lists": client.post("/invocations", content="[" * 100_000 + "]" * 100_000, headers=json_type),
    "CSV without an end of a quotation": client.post("/invocations", content='a\n"x', headers={"Content-Type": "text/csv"}),
}
for name, answer in answers.items():
    print(f"{name}: {answer.status_code}{', with a stack trace' if 'stack_trace' in answer.text else ''}")
*others, csv = [answer.status_code for answer in answers.values()]
sys.exit(0 if others == [200, 500, 500, 500] and "stack_trace" in answers["CSV without an end of a quotation"].text else 1)
PYTHON
