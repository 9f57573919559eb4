"""Every check finds what is broken in a bundle in just one way, and nothing in those that ship."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from monai_lungxfer.bundle.files import bundle_names, bundle_path
from monai_lungxfer.checks.bundle.layout import FILES
from monai_lungxfer.checks.bundle.run import CHECKS, Outcome, run_check, verify_bundle
from monai_lungxfer.export.formats import export_formats
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.sidecar import Sidecar, read_sidecar, save_sidecar

RUNNING = {"targets", "properties", "network", "weights", "prediction", "pipeline", "torchscript", "adapters"}

Break = Callable[[Path], Any]
NAME = "portable_cxr_lung_segmentation"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of a shipped bundle, to be broken."""
    return shutil.copytree(bundle_path(NAME), tmp_path / NAME, ignore=shutil.ignore_patterns("eval"))


def checked(name: str, bundle: Path) -> Outcome:
    return run_check(next(check for check in CHECKS if check.name == name), bundle)


def content(folder: Path) -> dict[str, tuple[str, int]]:
    """Hash and time of every file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (hash_file(path), path.stat().st_mtime_ns) for path in files}


def metadata(**changes: Any) -> Break:
    """Change fields of the metadata; None removes one."""

    def change(bundle: Path) -> None:
        file = bundle / "configs" / "metadata.json"
        fields = json.loads(file.read_text()) | changes
        file.write_text(json.dumps({key: value for key, value in fields.items() if value is not None}))

    return change


def data_format(side: str, name: str, **changes: Any) -> Break:
    def change(bundle: Path) -> None:
        fields = json.loads((bundle / "configs" / "metadata.json").read_text())["network_data_format"]
        fields[side][name] |= changes
        metadata(network_data_format=fields)(bundle)

    return change


def text(name: str, old: str, new: str) -> Break:
    """Replace a text that is there."""

    def change(bundle: Path) -> None:
        whole = (bundle / name).read_text()
        assert old in whole
        (bundle / name).write_text(whole.replace(old, new))

    return change


def more(name: str, lines: str) -> Break:
    def change(bundle: Path) -> None:
        with (bundle / name).open("a") as file:
            file.write(lines)

    return change


def large(size: int = 0, **entry: Any) -> Break:
    """List docs/large.bin, which is there when it has a size."""
    complete = {"path": "docs/large.bin", "url": "https://zoo.example/large.bin", "hash_type": "md5"}

    def change(bundle: Path) -> None:
        file = bundle / "docs" / "large.bin"
        if size:
            with file.open("wb") as stream:
                stream.truncate(size)
        fields = complete | {"hash_val": "0" * 32} | entry
        (bundle / "large_files.yml").write_text(yaml.safe_dump({"large_files": [fields]}))

    return change


def weights(change_weights: Callable[[dict[str, torch.Tensor]], Any]) -> Break:
    """Change the weights, and the metadata's hash along with them."""

    def change(bundle: Path) -> None:
        file = bundle / "models" / "model.pt"
        state = torch.load(file, weights_only=True)
        torch.save(change_weights(state) or state, file)
        metadata(weights_sha256=hash_file(file))(bundle)

    return change


class Code:
    """What a checkpoint must not hold."""

    def __reduce__(self) -> tuple:
        return (Path("owned").touch, ())


def exported(name: str, spoil: Callable[[bytes], bytes]) -> Break:
    def change(bundle: Path) -> None:
        export_formats(bundle, ["torchscript"])
        file = bundle / "models" / name
        file.write_bytes(spoil(file.read_bytes()))

    return change


def other_torchscript(bundle: Path) -> None:
    """TorchScript of other weights than the bundle's."""
    kept = bundle.parent / "kept"
    shutil.copytree(bundle, kept)
    weights(lambda state: state["decoder.conv.bias"].add_(1) and None)(bundle)
    export_formats(bundle, ["torchscript"])
    shutil.copyfile(bundle / "models" / "model.ts", kept / "models" / "model.ts")
    shutil.rmtree(bundle)
    kept.rename(bundle)


DONOR = "monai_lungxfer.networks.donor_unet.DonorUNet"


def weights_described(**parameters: Any) -> Break:
    """Describe the weights as those of another network, which prediction follows."""

    def change(bundle: Path) -> None:
        file = bundle / "models" / "model.pt"
        sidecar = read_sidecar(file)
        save_sidecar(file, replace(sidecar, network=sidecar.network | parameters))

    return change


def kept_as_adapter(bundle: Path) -> None:
    """Keep whole weights where adapters are."""
    (bundle / "models" / "adapters").mkdir()
    shutil.copy(bundle / "models" / "model.pt", bundle / "models" / "adapters" / "ward.pt")


TWICE = "{_target_: AsDiscreted, keys: pred}"

LAYOUT: list[tuple[str, Break, str, str]] = [
    *[("files", lambda bundle, name=name: (bundle / name).unlink(), "is missing", name) for name in FILES],
    ("files", lambda bundle: (bundle / "docs" / "README.md").write_text(""), "is empty", "docs/README.md"),
    ("files", lambda bundle: (bundle / "scratch.txt").touch(), "does not belong", "scratch.txt"),
    ("files", more("large_files.yml", "large_files: 3\n"), "no list large_files", "large_files.yml"),
    (
        "sizes",
        lambda bundle: (bundle / "docs" / "scan.bin").write_bytes(bytes(25_000_000)),
        "has 25.0 MB",
        "docs/scan.bin",
    ),
    ("sizes", large(url=None), "an entry has no url", "large_files.yml"),
    ("sizes", large(hash_val=""), "an entry has no hash_val", "large_files.yml"),
    ("sizes", large(url="http://zoo.example/large.bin"), "is not https", "large_files.yml"),
    ("sizes", large(path="../large.bin"), "leads out of the bundle", "large_files.yml"),
    ("sizes", large(path="/tmp/large.bin"), "leads out of the bundle", "large_files.yml"),
    ("sizes", large(hash_type="crc"), "there is no hash 'crc'", "large_files.yml"),
    ("sizes", large(size=30_000_000), "has not the md5 of large_files.yml", "docs/large.bin"),
]
METADATA: list[tuple[str, Break, str, str]] = [
    *[
        ("schema", metadata(**{field: None}), f"'{field}' is a required property", "configs/metadata.json")
        for field in ("version", "changelog", "monai_version", "task", "authors", "copyright", "network_data_format")
    ],
    ("schema", metadata(schema=None), "`schema` field", "configs/metadata.json"),
    ("schema", metadata(intended_use="All patients"), r"$.intended_use: 'All patients'", "configs/metadata.json"),
    ("schema", data_format("inputs", "image", dtype="int7"), ".image.dtype: 'int7'", "configs/metadata.json"),
    ("version", metadata(version="0.2.0"), "0.2.0 has no entry", "configs/metadata.json"),
    ("version", metadata(changelog=None), "has no entry", "configs/metadata.json"),
    (
        "version",
        metadata(changelog={"0.10.0": "newer", "0.1.0": "older"}),
        "0.1.0 is not the newest",
        "configs/metadata.json",
    ),
    (
        "version",
        metadata(changelog={"0.0.9": "older", "0.1.0": "newer"}),
        "is not the newest of the changelog (0.0.9, 0.1.0)",
        "configs/metadata.json",
    ),
    ("version", metadata(version="new", changelog={"new": "x"}), "Invalid version: 'new'", "configs/metadata.json"),
    (
        "requirements",
        metadata(required_packages_version={"monai_lungxfer": "9.9.9"}),
        "it is for monai_lungxfer 9.9.9",
        "configs/metadata.json",
    ),
    (
        "requirements",
        metadata(required_packages_version={"no-such-package-here": "1"}),
        "no-such-package-here, which is not installed",
        "configs/metadata.json",
    ),
]
CONFIGS: list[tuple[str, Break, str, str]] = [
    ("configs", more("configs/train.yaml", "a: [1\n"), "cannot be read", "configs/train.yaml"),
    ("configs", more("configs/extra.yaml", "- 1\n"), "holds no settings", "configs/extra.yaml"),
    ("configs", more("configs/inference.yaml", "a: '@nothing'\n"), "a refers to @nothing", "configs/inference.yaml"),
    (
        "configs",
        more("configs/evaluate.yaml", "b: '$len(@split) + @absent#0'\n"),
        "b refers to @absent::0",
        "configs/evaluate.yaml",
    ),
    (
        "configs",
        more("configs/multi_gpu_train.yaml", "absent#key: 1\n"),
        "cannot be laid over",
        "configs/multi_gpu_train.yaml",
    ),
    ("configs", more("configs/train.yaml", "a: '$1 +'\n"), "a is not a Python expression", "configs/train.yaml"),
    ("configs", text("configs/logging.conf", "[loggers]", "[lo]"), "has no section loggers", "configs/logging.conf"),
    ("configs", text("configs/logging.conf", "[loggers]", "loggers"), "cannot be read", "configs/logging.conf"),
    (
        "targets",
        more("configs/train.yaml", "a:\n  _target_: DiceLos\n"),
        "a#_target_ names DiceLos, which is no component of MONAI",
        "configs/train.yaml",
    ),
    (
        "targets",
        text("configs/inference.yaml", "EfficientUNet", "Unet"),
        "names monai_lungxfer.networks.efficient_unet.Unet, which is not there",
        "configs/inference.yaml",
    ),
    (
        "packages",
        more("configs/train.yaml", "a:\n  _target_: os.system\n"),
        "os is not a package that the bundle asks for",
        "configs/train.yaml",
    ),
    (
        "packages",
        more("configs/evaluate.yaml", "a: '$import touches'\n"),
        "touches is not a package",
        "configs/evaluate.yaml",
    ),
    (
        "targets",
        more("configs/train.yaml", "a: '$lambda x: monai_lungxfer.utils.allocator.forget(x)'\n"),
        "names monai_lungxfer.utils.allocator.forget, which is not there",
        "configs/train.yaml",
    ),
    ("properties", text("configs/inference.yaml", "evaluator", "judge"), "evaluator", "configs/inference.yaml"),
    ("properties", text("configs/train.yaml", "val_interval", "interval"), "val_interval", "configs/train.yaml"),
    ("properties", text("configs/train.yaml", "parent: cxr", "parent: cxxr"), "there is no such weights", "cxxr_lung"),
]
NETWORK: list[tuple[str, Break, str, str]] = [
    ("network", metadata(network_data_format=None), "network_data_format", "configs/metadata.json"),
    ("network", data_format("inputs", "image", num_channels=1), "said to have 1", "configs/metadata.json"),
    ("network", data_format("outputs", "pred", num_channels=2), "channel number `1`", "configs/metadata.json"),
    ("network", data_format("outputs", "pred", dtype="uint8"), "dtype of output", "configs/metadata.json"),
    (
        "network",
        data_format("outputs", "pred", spatial_shape=[128, 64]),
        "the network makes [1, 1, 192, 192]",
        "configs/metadata.json",
    ),
    (
        "card",
        weights(lambda state: state["decoder.conv.bias"].add_(1) and None),
        "not name the weights",
        "docs/README.md",
    ),
    ("weights", more("models/model.pt", "x"), "has not the hash of configs/metadata.json", "models/model.pt"),
    ("weights", weights(lambda state: state.pop("decoder.conv.bias") and None), "conv.bias", "models/model.pt"),
    (
        "weights",
        weights(lambda state: state["decoder.conv.bias"].fill_(torch.nan) and None),
        "not numbers",
        "models/model.pt",
    ),
    ("weights", weights(lambda state: {"conv.bias": Code()}), "not a PyTorch checkpoint", "models/model.pt"),
    (
        "weights",
        lambda bundle: save_sidecar(bundle / "models/model.pt", Sidecar([64, 64])),
        "[64, 64]",
        "models/model.json",
    ),
    (
        "torchscript",
        text("configs/inference.yaml", "out_channels: 1", "out_channels: 2"),
        "has 1 outputs, and the bundle has masks of 2",
        "models/model.pt",
    ),
    ("pipeline", more("models/model.pipeline.onnx", "x"), "it is damaged", "models/model.pipeline.onnx"),
    ("pipeline", more("models/model.pipeline.json", "x"), "it cannot be read", "models/model.pipeline.json"),
    ("torchscript", more("models/model.ts", "x"), "RuntimeError", "configs/inference.yaml"),
    ("torchscript", other_torchscript, "its logits differ from PyTorch's by 1,", "models/model.ts"),
    ("exports", exported("model.ts", lambda content: content + b"x"), "is not as", "models/model.ts"),
    (
        "exports",
        exported("exports.json", lambda content: content[:50]),
        "is not a list of exported formats",
        "models/exports.json",
    ),
    (
        "exports",
        exported("exports.json", lambda content: b"{}"),
        "is not a list of exported formats",
        "models/exports.json",
    ),
    ("exports", exported("model.pt", lambda content: content + b"x"), "from other weights", "models/exports.json"),
    ("adapters", kept_as_adapter, "is not an adapter", "models/adapters/ward.pt"),
]
PREDICTION: list[tuple[str, Break, str, str]] = [
    ("prediction", lambda bundle: (bundle / "configs/inference.yaml").unlink(), "cannot be read", "configs/inference"),
    ("prediction", text("configs/inference.yaml", "handlers:", "handlers: ["), "cannot be read", "configs/inference"),
    (
        "prediction",
        text("configs/inference.yaml", "Invertd", "Invertd\n      _disabled_: true"),
        "the postprocessing gives the shape",
        "configs/inference.yaml",
    ),
    (
        "prediction",
        text("configs/inference.yaml", "- _target_: CastToTyped", f"- {TWICE}\n    - _target_: CastToTyped"),
        "its postprocessing has 2 AsDiscreted",
        "",
    ),
    ("prediction", text("configs/inference.yaml", "keys: pred", "keys: mask"), "KeyError", "configs/inference.yaml"),
    ("prediction", weights_described(_target_=DONOR), "do not fit the network", "models/model.pt"),
    (
        "prediction",
        text("configs/inference.yaml", '"@network_def#in_channels"', "2"),
        "inferer",
        "configs/inference.yaml",
    ),
]
BREAKINGS = LAYOUT + PREDICTION + METADATA + CONFIGS + NETWORK


def test_a_pipeline_of_another_configuration_is_told(bundle: Path) -> None:
    text("configs/inference.yaml", "threshold: 0.5", "threshold: 0.4")(bundle)
    outcome = checked("pipeline", bundle)
    assert outcome.status == "ok"
    assert "nothing uses it" in outcome.detail


@pytest.mark.parametrize("name", bundle_names())
def test_shipped_bundles_pass_every_check_and_stay_as_they_are(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    before = content(bundle_path(name))
    outcomes = {outcome.check: outcome for outcome in verify_bundle(name)}
    assert list(outcomes) == [check.name for check in CHECKS]
    assert {check: outcome for check, outcome in outcomes.items() if outcome.status != "ok"} == {
        "exports": Outcome(name, "exports", "skipped", "there is no models/exports.json"),
        "adapters": Outcome(name, "adapters", "skipped", "there is no models/adapters"),
    }
    assert content(bundle_path(name)) == before
    assert capfd.readouterr().out == ""  # which is for results alone


@pytest.mark.parametrize(
    ("check", "break_it", "problem", "file"), BREAKINGS, ids=[f"{row[0]}-{row[2]}-{row[3]}" for row in BREAKINGS]
)
def test_what_is_broken_is_found(
    bundle: Path,
    check: str,
    break_it: Break,
    problem: str,
    file: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "touches.py").write_text("from pathlib import Path; Path('owned').touch()")
    monkeypatch.syspath_prepend(tmp_path)
    break_it(bundle)
    before = content(bundle)
    outcome = checked(check, bundle)
    assert outcome.status == "failed"
    assert problem in outcome.detail
    assert outcome.file is not None
    assert outcome.file.startswith(file)
    assert outcome.remedy
    assert content(bundle) == before
    assert not (tmp_path / "owned").exists()


def test_every_check_is_broken_above() -> None:
    assert {row[0] for row in BREAKINGS} == {check.name for check in CHECKS}


def test_one_failure_does_not_stop_the_others(bundle: Path) -> None:
    (bundle / "LICENSE").unlink()
    more("configs/train.yaml", "a: [1\n")(bundle)
    statuses = {outcome.check: outcome.status for outcome in verify_bundle(bundle)}
    assert {name for name, status in statuses.items() if status == "failed"} == {"files", "configs", "packages"}


OWNED = "owned: \"$__import__('pathlib').Path('owned').touch()\"\ninitialize: ['@owned']\n"


def test_nothing_is_run_after_a_refusal(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text("configs/inference.yaml", "initialize:", "other:")(bundle)
    more("configs/inference.yaml", f"a:\n  _target_: os.system\n{OWNED}")(bundle)
    outcomes = {outcome.check: outcome for outcome in verify_bundle(bundle)}
    assert outcomes["packages"].status == "failed"
    for name in RUNNING:
        assert (outcomes[name].status, outcomes[name].detail) == (
            *("skipped", "would run code of the bundle, which packages refuses"),
        )
    assert not (tmp_path / "owned").exists()


def test_nothing_is_run_when_that_is_asked_for(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text("configs/inference.yaml", "initialize:", "other:")(bundle)
    more("configs/inference.yaml", OWNED)(bundle)
    assert checked("properties", bundle).status
    assert (tmp_path / "owned").exists()  # configurations are programs
    (tmp_path / "owned").unlink()
    outcomes = {outcome.check: outcome.status for outcome in verify_bundle(bundle, run=False)}
    assert {name for name, status in outcomes.items() if status == "skipped"} == {*RUNNING, "exports"}
    assert not (tmp_path / "owned").exists()


def test_weights_may_be_listed_instead(bundle: Path) -> None:
    (bundle / "models" / "model.pt").unlink()
    large(path="models/model.pt")(bundle)
    assert checked("files", bundle).status == checked("sizes", bundle).status == "ok"
    for name in ("weights", "torchscript"):
        outcome = checked(name, bundle)
        assert (outcome.status, outcome.detail) == ("skipped", "there is no models/model.pt")


def test_a_large_file_may_be_there_when_it_is_listed(bundle: Path) -> None:
    large(size=30_000_000)(bundle)
    large(hash_val=hashlib.md5(bytes(30_000_000)).hexdigest())(bundle)
    assert checked("sizes", bundle).status == "ok"


def test_exported_formats_pass(bundle: Path) -> None:
    export_formats(bundle, ["torchscript", "onnx"])
    assert checked("exports", bundle).detail == "torchscript, onnx: 2 files, as the manifest tells"
    assert checked("torchscript", bundle).detail == "exported, the same logits; model.ts too"


def test_other_versions_of_libraries_are_told(bundle: Path) -> None:
    metadata(numpy_version="1.26.0")(bundle)
    outcome = checked("requirements", bundle)
    assert outcome.status == "ok"
    assert "checked with other versions: numpy " in outcome.detail
