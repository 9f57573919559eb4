"""A deferred package is loaded by its first use, and what is imported of it then is the real thing."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from monai_lungxfer.utils.deferred_imports import defer_imports


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "slow_one"
    folder.mkdir()
    (folder / "__init__.py").write_text("import sys\nsys.loaded_in_test = True\nvalue = 1\n")
    (folder / "plots.py").write_text("import slow_one\nvalue = slow_one.value + 1\n")
    (folder / "other.py").write_text("from slow_one import value\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", sys.meta_path[:])
    monkeypatch.setattr(sys, "loaded_in_test", False, raising=False)
    yield "slow_one"
    for name in [name for name in sys.modules if name.startswith("slow_one")]:
        del sys.modules[name]


def is_loaded() -> bool:
    return sys.loaded_in_test


def test_the_first_attribute_loads_the_package(package: str) -> None:
    defer_imports([package, f"{package}.plots"])
    import slow_one
    import slow_one.plots as plots

    assert not is_loaded()
    assert slow_one.__file__.endswith("__init__.py")
    assert not is_loaded()
    assert plots.value == 2
    assert is_loaded()
    assert type(slow_one) is type(plots) is type(sys)


def test_another_submodule_loads_the_package_above_it(package: str) -> None:
    defer_imports([package])
    import slow_one

    assert not is_loaded()
    from slow_one import other

    assert is_loaded()
    assert other.value == slow_one.value == 1


def test_a_submodule_and_its_package_that_need_each_other(package: str, tmp_path: Path) -> None:
    (tmp_path / package / "__init__.py").write_text("from slow_one.parts import Part\n")
    (tmp_path / package / "parts.py").write_text("from slow_one import helpers\nclass Part: pass\n")
    (tmp_path / package / "helpers.py").write_text("")
    defer_imports([package, f"{package}.parts"])
    import slow_one.parts
    from slow_one.parts import Part

    assert slow_one.parts.Part is slow_one.Part is Part


def test_what_is_not_installed_stays_missing(package: str) -> None:
    defer_imports([package, "not_installed_here"])
    with pytest.raises(ModuleNotFoundError):
        import not_installed_here  # noqa: F401


def test_threads_wait_until_the_package_is_whole(package: str, tmp_path: Path) -> None:
    (tmp_path / package / "__init__.py").write_text("import time\ntime.sleep(0.3)\nvalue = 1\n")
    defer_imports([package])
    import slow_one

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: slow_one.value, range(4))) == [1, 1, 1, 1]


def test_a_package_that_fails_is_tried_again(package: str, tmp_path: Path) -> None:
    file = tmp_path / package / "__init__.py"
    file.write_text("raise OSError('full')\n")
    defer_imports([package])
    import slow_one

    with pytest.raises(OSError, match="full"):
        assert slow_one.value
    file.write_text("value = 'now'\n")
    assert slow_one.value == "now"


def test_a_package_that_puts_another_module_in_its_place(package: str, tmp_path: Path) -> None:
    lines = [
        "import sys, types",
        "other = types.ModuleType('slow_one')",
        "other.value = 2",
        "sys.modules['slow_one'] = other",
    ]
    (tmp_path / package / "__init__.py").write_text("\n".join(lines))
    defer_imports([package])
    import slow_one

    assert [slow_one.value, slow_one.value] == [2, 2]
    import slow_one as again

    assert again.value == 2
