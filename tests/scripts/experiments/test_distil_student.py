"""How `scripts/experiments/distil_student.py` teaches a smaller network, on phantoms."""

from __future__ import annotations

import sys
from pathlib import Path

import distil_student
import pytest
import torch

from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.utils.torch_files import read_checkpoint
from monai_lungxfer.weights.loading import read_state_dict
from monai_lungxfer.weights.saving import save_weights
from monai_lungxfer.weights.sidecar import Sidecar, read_sidecar


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return save_weights(
        EfficientUNet().state_dict(), tmp_path_factory.mktemp("teacher") / "teacher.pt", Sidecar([64, 64])
    )


def distil(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    options = ["--image-size", "64", "64", "--samples", "4", "--batch", "2", "--passes", "2", "--width", "2"]
    monkeypatch.setattr(sys, "argv", ["distil_student.py", *map(str, arguments), *options])
    distil_student.main()


@pytest.mark.slow
def test_a_student_keeps_the_shared_levels_and_continues_where_it_was(
    tmp_path: Path, teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_phantoms(tmp_path / "data", donor=0, general=24, portable=0, size=64) / "general"
    out = tmp_path / "student.pt"
    distil(monkeypatch, data, "--teacher", teacher, "--out", out, "--epochs", "1")
    first = read_state_dict(out)
    distil(monkeypatch, data, "--teacher", teacher, "--out", out, "--epochs", "2")
    student, parent = read_state_dict(out), read_state_dict(teacher)
    assert read_checkpoint(out.with_suffix(".resume.pt"))["epoch"] == 2
    shared = [name for name in student if name.startswith(("encoder.stem", *(f"encoder.levels.{n}" for n in range(4))))]
    assert len(shared) > 200
    assert all(torch.equal(student[name], parent[name]) for name in shared)
    assert not torch.equal(student["decoder.conv.weight"], first["decoder.conv.weight"])
    sidecar = read_sidecar(out)
    assert (sidecar.network or {})["width"] == 2
    assert sidecar.image_size == [64, 64]
    assert len(sidecar.learnt[-1].images) == 24


def test_both_networks_see_the_same_features(teacher: Path) -> None:
    options = ["data", "--teacher", str(teacher), "--out", "x.pt", "--width", "2"]
    both = distil_student.make_networks(distil_student.options().parse_args(options))
    image = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    *shared, target = both.look(image)
    both.student.eval()
    with torch.no_grad(), distil_student.reduced_precision():
        assert torch.equal(both.draw([*shared, target])[0], both.student(image).float())
        assert torch.equal(target, both.teacher(image).float().sigmoid().half())
    assert not any(weight.requires_grad for weight in both.student.encoder.levels[:4].parameters())
    assert all(weight.requires_grad for weight in both.student.decoder.parameters())
