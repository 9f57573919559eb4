#!/usr/bin/env bash
# Draw all pictures of the docs anew, with phantoms: bash docs/generate/draw_pictures.sh
#
# Needs Chromium and its driver (Debian: chromium, chromium-driver). Figures of results come from the commands on their
# pages, since they need real images. The two pictures of OHIF were taken by hand: they need that viewer.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-python}
"$python" docs/generate/draw_diagrams.py docs/pictures
"$python" docs/generate/draw_result.py docs/pictures/result.png
"$python" docs/generate/draw_report.py docs/pictures/report.png
"$python" docs/generate/draw_simulated_device.py docs/simulated_device.png
"$python" docs/generate/draw_review_page.py docs/review.png
"$python" docs/generate/draw_editor.py docs/correcting.png
"$python" docs/generate/draw_node_status.py docs/node_status.png
