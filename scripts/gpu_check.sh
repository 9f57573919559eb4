#!/usr/bin/env bash
# What works on this machine's GPU, in less than 8 minutes: training, mixed precision, determinism, torch.compile,
# inference, TensorRT, exports. Without a GPU it says that nothing was tried, and ends with exit code 0.
#
#   scripts/gpu_check.sh [--help]
set -euo pipefail
exec timeout 480 python "$(dirname "$0")/gpu_check.py" "$@"
