#!/usr/bin/env bash
# dicognito 0.19.0 installs a command that cannot start: it ends with a TypeError, also for --help. Its module runs as described,
# by "python -m dicognito". One would guess that the command of the newest version runs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet dicognito==0.19.0
command=0
"$folder/env/bin/dicognito" --help > "$folder/command.txt" 2>&1 || command=$?
module=0
"$folder/env/bin/python" -m dicognito --help > "$folder/module.txt" 2>&1 || module=$?
echo "dicognito --help: exit code $command, $(tail -n 1 "$folder/command.txt")"
echo "python -m dicognito --help: exit code $module, $(head -n 1 "$folder/module.txt")"
[ "$command" -ne 0 ] && grep -q "TypeError" "$folder/command.txt" && [ "$module" -eq 0 ] && echo "as described" || { echo "changed"; exit 1; }
