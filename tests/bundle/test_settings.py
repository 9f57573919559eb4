"""Settings arrive whole behind MONAI's parser, and are of the kind that the bundle has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigParser

from monai_lungxfer.bundle.files import bundle_path, export_bundle
from monai_lungxfer.bundle.settings import PlainText, SettingsParser, fit_setting, for_parser
from monai_lungxfer.bundle.workflow import bundle_config, bundle_workflow
from monai_lungxfer.utils.errors import BundleError

TEXTS = [
    "run#B",
    "a@b",
    "c$d",
    "%x",
    "e::f",
    "$1 + 1",
    "@seed",
    "@#seed",
    "i@::j",
    "k%::l",
    'it\'s "#" \\#',
    "ä #\n",
    "p q",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("kind", [PlainText, Path])
def test_a_text_is_whole_behind_the_parser(text: str, kind: type) -> None:
    config = {
        "seed": 7,
        "name": kind(text),
        "reference": "@name",
        "expression": "$str(@name) + '/end'",
        "nested": {"list": [kind(text), {"deep": kind(text)}]},
        "built": {"_target_": "builtins.dict", "name": "@name", "direct": kind(text)},
    }
    parser = ConfigParser(for_parser(config))
    assert parser.get_parsed_content("name") == text
    assert parser.get_parsed_content("reference") == text
    assert parser.get_parsed_content("expression") == text + "/end"
    assert parser.get_parsed_content("nested") == {"list": [text, {"deep": text}]}
    assert parser.get_parsed_content("built") == {"name": text, "direct": text}


@pytest.mark.parametrize("text", ["run#B", "a @::b", "x%#y", "e::f"])
def test_text_of_a_user_that_is_no_expression_is_whole_too(text: str) -> None:
    assert ConfigParser(for_parser({"name": text})).get_parsed_content("name") == text


def test_what_monai_evaluates_is_left_to_it() -> None:
    given = {"a": 2, "b": "@a", "c": "$@a + 1", "d": "%a", "e": None, "f": [0.5, True]}
    assert for_parser(given) == given
    assert ConfigParser(for_parser(given)).get_parsed_content("c") == 3


@pytest.mark.parametrize("name", ["run#B", "%x", "a@::b"])
def test_a_bundle_in_a_folder_of_any_name(name: str, tmp_path: Path) -> None:
    bundle = export_bundle("portable", tmp_path / name)
    parser = bundle_workflow(bundle, "train", {"output_dir": tmp_path / name, "experiment_name": "a#b"}).parser
    assert parser.get_parsed_content("ckpt_dir") == str(bundle / "models")
    assert parser.get_parsed_content("split_file") == str(tmp_path / name / "split.json")
    assert parser.get_parsed_content("experiment_name") == "a#b"


def test_numbers_of_a_bundles_files(tmp_path: Path) -> None:
    bundle = export_bundle("portable", tmp_path)
    file = bundle / "configs" / "train.yaml"
    file.write_text(file.read_text().replace("learning_rate: 0.001", "learning_rate: 1e-3"))
    assert bundle_config(bundle, "train")["learning_rate"] == 0.001
    assert bundle_workflow(bundle, "train").parser.get_parsed_content("learning_rate") == 0.001


def test_numbers_of_an_overlay_that_monai_reads(tmp_path: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("learning_rate: 1e-3\nlr_factor: 5e-1\n")
    configs = bundle_path("portable") / "configs"
    parser = ConfigParser()
    parser.read_config([str(configs / "train.yaml"), str(overlay)])
    parser["network"] = {"_target_": "torch.nn.Linear", "in_features": 1, "out_features": 1}
    assert parser.get_parsed_content("optimizer").param_groups[0]["lr"] == 0.001
    assert parser.get_parsed_content("lr_scheduler").factor == 0.5


def test_a_configuration_in_json_is_read_as_monai_does(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": 1e-3}')
    assert SettingsParser.load_config_file(tmp_path / "x.json") == {"a": 0.001}


@pytest.mark.parametrize(
    ("value", "default", "expected"),
    [
        (8.0, 16, 8),
        (1, 0.001, 1),
        (False, True, False),
        ("$1 + 1", 16, "$1 + 1"),
        ("@seed", 0.5, "@seed"),
        (None, 16, None),
        ("x", "y", "x"),
        ([1], None, [1]),
    ],
)
def test_fitting_values(value: Any, default: Any, expected: Any) -> None:
    found = fit_setting("x", value, default)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("learning_rate", "fast", "learning_rate would be 'fast', not a number"),
        ("learning_rate", True, "not a number"),
        ("learning_rate", PlainText("$1"), "not a number"),
        ("max_epochs", 1.5, r"max_epochs would be 1\.5, not a whole number"),
        ("max_epochs", float("inf"), "not a whole number"),
        ("batch_size", "8 images", "not a whole number"),
        ("resume", "maybe", "resume would be 'maybe', not true or false"),
        ("train#random_transforms#0#prob", "often", "not a number"),
    ],
)
def test_values_of_another_kind_are_refused(name: str, value: Any, problem: str) -> None:
    with pytest.raises(BundleError, match=problem):
        bundle_workflow("portable", "train", {name: value})
