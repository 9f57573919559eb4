#!/usr/bin/env bash
# MONAI Label 0.8.5, its app for MONAI bundles: a bundle whose models/ holds a second .pt file is not answered by models/model.pt.
# A client that chooses nothing gets the file with the shortest name. Weights that do not fit are loaded as far as names agree, with a
# log line, so the answer is of random weights.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet torch==2.14.1 torchvision==0.29.1 monai==1.6.1 PyYAML==6.0.3 numpy==1.26.4 \
    cachetools==8.0.2 pydantic-settings==2.16.3 expiring-dict==1.1.2 requests==2.34.2 itk==5.4.7 pynrrd==1.1.3 nibabel==5.4.2 \
    scikit-image==0.26.0 shapely==2.2.0
"$folder/env/bin/pip" install --quiet --no-deps monailabel==0.8.5
cd "$folder"
"$folder/env/bin/python" - << 'PYTHON'
import json
from pathlib import Path

import torch
from monailabel.tasks.infer.bundle import BundleInferTask

bundle = Path("segmentation")
for name in ("configs", "models"):
    (bundle / name).mkdir(parents=True)
network = {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 1, "kernel_size": 1}
image = {"type": "image", "spatial_shape": [8, 8]}
formats = {"inputs": {"image": image}, "outputs": {"pred": image | {"channel_def": {"0": "background", "1": "lung"}}}}
(bundle / "configs/metadata.json").write_text(json.dumps({"version": "1", "network_data_format": formats}))
(bundle / "configs/inference.json").write_text(json.dumps({"network_def": network, "preprocessing": [], "postprocessing": []}))
torch.save({"weight": torch.full((1, 1, 1, 1), 7.0), "bias": torch.zeros(1)}, bundle / "models/model.pt")
torch.save({"other": torch.zeros(1)}, bundle / "models/ward.pt")

task = BundleInferTask(str(bundle), {})
options = task.info()["config"]["model_filename"]
loaded = task._get_network("cpu", {"model_filename": options})  # what a client sends that has chosen nothing
print(f"MONAI Label 0.8.5: files {options}; weight {loaded.weight.item():.2f}, that of model.pt is 7")
raise SystemExit(0 if options == ["ward.pt", "model.pt"] and loaded.weight.item() != 7 else "this has changed")
PYTHON
