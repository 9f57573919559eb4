"""The commands of docs/node.md, as they stand there and in their order; and its tables, which must be complete."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from howto_scripts import run_script, skip_unless_free
from node_settings import settings_table
from source_tree import REPOSITORY, copied

from monai_lungxfer.serving.dicom.journal_rows import STATES
from monai_lungxfer.serving.dicom.settings_file import load_settings

HOWTO = REPOSITORY / "docs" / "node.md"
DEPLOY = REPOSITORY / "deploy" / "node"
PORTS = (4242, 8042, 11112, 11180)  # of the page
STOP = "kill %2 && wait %2"

if not HOWTO.is_file():
    pytest.skip("the tests run without the source tree", allow_module_level=True)


def commands() -> list[str]:
    """Return the blocks of the page that are to be run."""
    return re.findall(r"^```bash\n(.*?)^```$", HOWTO.read_text(), re.MULTILINE | re.DOTALL)


def test_ten_commands_are_enough() -> None:
    assert len([line for block in commands() for line in block.splitlines()]) <= 10


@pytest.mark.slow
def test_the_page(tmp_path: Path) -> None:
    if not all(map(shutil.which, ("Orthanc", "storescu", "curl"))):
        pytest.skip("Debian packages are not installed: orthanc dcmtk curl")
    skip_unless_free(*PORTS)
    workplace = copied(tmp_path / "clone")
    run_script("\n".join([*commands(), STOP]), workplace)
    series = json.loads((workplace / "answers.json").read_text())
    found = sorted(one["MainDicomTags"]["Modality"] for one in series)
    kinds = len(found) // 3
    assert found.count("SEG") == 3
    assert found.count("SR") == 3
    assert kinds == 3
    log = [json.loads(line) for line in (workplace / "node.log").read_text().splitlines()]
    assert sum("was delivered to archive" in line["message"] for line in log) == 3
    assert any("the node stops" in line["message"] for line in log)


def test_the_table_of_settings_is_that_of_the_example() -> None:
    page = HOWTO.read_text()
    table = page[page.index("<!-- settings -->\n") :].removeprefix("<!-- settings -->\n")
    assert table.partition("<!-- /settings -->")[0] == settings_table(), (
        "run docs/generate/node_settings.py docs/node.md"
    )


def test_every_metric_and_state_is_explained() -> None:
    source = (REPOSITORY / "monai_lungxfer" / "serving" / "dicom" / "metrics.py").read_text()
    names = set(re.findall(r'f"\{PREFIX\}_([a-z_]+)"', source)) | set(re.findall(r'_gauge\("([a-z_]+)"', source))
    names |= {"model_loads", "model_failures"}
    page = HOWTO.read_text()
    assert len(names) > 10
    assert not {name for name in names if f"`lungxfer_node_{name}" not in page}
    assert not {state for state in STATES if f"| `{state}` |" not in page}


def test_the_unit_is_valid(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    program = shutil.which("true") or "/bin/true"
    unit = tmp_path / "lungxfer-node.service"
    unit.write_text((DEPLOY / unit.name).read_text().replace("/opt/lungxfer/bin/lungxfer", program))
    found = subprocess.run(["systemd-analyze", "verify", unit], check=False, capture_output=True, text=True)
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_the_composed_node_has_valid_settings() -> None:
    settings = load_settings(DEPLOY / "node.toml")
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert settings.destination[0].host in services
    assert str(settings.spool.folder).startswith(services["node"]["volumes"][1].partition(":")[2])
    assert (DEPLOY / services["node"]["build"]["context"] / services["node"]["build"]["dockerfile"]).is_file()
    published = [port for service in services.values() for port in service["ports"]]
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert {f"127.0.0.1:{port}:{port}" for port in (settings.listen.port, settings.status.port)} <= set(published)
