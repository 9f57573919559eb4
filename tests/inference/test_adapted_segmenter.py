"""One base and several adapters in one process: masks, memory, and what results tell of the model."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
from adapter_files import write_adapter, write_base

from monai_lungxfer.inference.engines.torch_engine import load_torch_engine
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.networks.translator_unet import TranslatorUNet
from monai_lungxfer.synthetic.chest import portable_radiograph
from monai_lungxfer.utils.errors import BundleError, TransferError
from monai_lungxfer.utils.files import hash_file

FLOAT32 = {"precision": "float32"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A base with a constant answer near one half, which each adapter turns into another one."""
    folder = tmp_path_factory.mktemp("adapters")
    paths = {name: folder / name / f"{name}.pt" for name in ("base", "one", "two", "other")}
    network = write_base(paths["base"])
    for seed, name in enumerate(("one", "two")):
        write_adapter(paths[name], paths["base"], copy.deepcopy(network), seed=seed)
    write_base(paths["other"], seed=8)
    return paths


@pytest.fixture
def radiograph() -> Radiograph:
    pixels, _ = portable_radiograph(np.random.default_rng(0), 150, 118, "normal")
    return Radiograph(pixels[None].astype(np.float32), "array")


def load(files: dict[str, Path], adapter: str | None, **more: object) -> Segmenter:
    path = None if adapter is None else files[adapter]
    return Segmenter.from_bundle(
        "general",
        weights=files["base"],
        adapter=path,
        **{"device": "cpu", "engine": "torch", "overrides": FLOAT32, **more},
    )


def test_adapters_share_the_memory_of_their_base_and_give_masks_of_their_own(files, radiograph) -> None:
    found = {name: load(files, name) for name in (None, "one", "two")}
    networks = {name: segmenter.engine._parts.network for name, segmenter in found.items()}
    assert networks["one"].base is networks["two"].base is networks[None]
    maps = {name: segmenter.segment(radiograph).probability for name, segmenter in found.items()}
    again = load(files, None).segment(radiograph).probability
    assert np.array_equal(maps[None], again)
    for one, other in ((None, "one"), (None, "two"), ("one", "two")):
        assert np.abs(maps[one] - maps[other]).max() > 0.01


def test_results_name_the_adapter_and_its_base(files) -> None:
    identity = load(files, "one").identity
    assert (identity.weights_sha256, identity.base_sha256) == (hash_file(files["one"]), hash_file(files["base"]))
    assert str(identity).split()[2:5] == [identity.weights_sha256[:12], "on", identity.base_sha256[:12]]
    assert f"base_sha256={identity.base_sha256}" in identity.marks
    plain = load(files, None).identity
    assert (plain.base_sha256, plain.marks[1:]) == (None, ("precision=float32",))


def test_another_base_is_refused_and_a_missing_one_told(files) -> None:
    digits = [hash_file(files[name])[:12] for name in ("other", "base")]
    with pytest.raises(TransferError, match=rf"is not the base.*{digits[0]}.*{digits[1]}"):
        Segmenter.from_bundle("general", weights=files["other"], adapter=files["one"])
    for given in ({"adapter": files["one"]}, {"weights": files["one"]}):
        with pytest.raises(TransferError, match=rf"sha256 {digits[1]}.*--weights BASE --adapter ADAPTER"):
            Segmenter.from_bundle("general", **given)
    with pytest.raises(BundleError, match="to override 'adapter' has no effect here"):
        load(files, None, overrides={"adapter": str(files["one"])})


def test_an_adapter_without_a_name_for_its_base_finds_the_bundles_own_weights(files, radiograph, tmp_path) -> None:
    from monai_lungxfer.bundle.files import WEIGHTS, export_bundle
    from monai_lungxfer.export.weights import install_weights

    bundle = export_bundle("general", tmp_path)
    install_weights(files["base"], bundle, pack=False)
    assert hash_file(bundle / WEIGHTS) == hash_file(files["base"])
    found = Segmenter.from_bundle(bundle, adapter=files["one"], device="cpu", engine="torch", overrides=FLOAT32)
    expected = load(files, "one").segment(radiograph).probability
    assert np.array_equal(found.segment(radiograph).probability, expected)


def test_the_compiled_pipeline_of_an_adapter_has_the_same_masks(files, radiograph, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    compiled = load(files, "one", engine="onnx", overrides={})
    assert compiled.engine.name == "onnx"
    one, other = (segmenter.segment(radiograph) for segmenter in (compiled, load(files, "one")))
    np.testing.assert_allclose(one.probability, other.probability, atol=1e-3)
    assert compiled.identity.base_sha256 == hash_file(files["base"])


def test_the_engine_is_told_where_the_base_is(files) -> None:
    from monai_lungxfer.bundle.files import bundle_path

    engine, sha256 = load_torch_engine(bundle_path("general"), files["one"], "cpu", {}, None, base=files["base"])
    assert isinstance(engine._parts.network, TranslatorUNet)
    assert sha256 == hash_file(files["one"])
