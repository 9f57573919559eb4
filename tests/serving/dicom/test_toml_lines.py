"""On which line a key stands, whatever form TOML gives it."""

from __future__ import annotations

import doctest

from monai_lungxfer.serving.dicom import toml_lines
from monai_lungxfer.serving.dicom.toml_lines import find_lines


def test_the_example_of_the_docstring() -> None:
    result = doctest.testmod(toml_lines)
    assert (result.attempted, result.failed) == (1, 0)


def test_values_of_several_lines_do_not_shift_what_follows() -> None:
    text = '# a comment\n\na = """\nb = 1\n[c]\n"""\nd = [\n  1, # ]\n  2,\n]\ne = "x"\r\n[f]\n"g h" = { i = 1 }\n'
    lines = find_lines(text)
    named = {place: line for place, line in lines.items() if not isinstance(place[-1], int)}
    assert named == {("a",): 3, ("d",): 7, ("e",): 11, ("f",): 12, ("f", "g h"): 13, ("f", "g h", "i"): 13}
    assert lines["d", 1] == 7


def test_tables_below_arrays_belong_to_the_last_entry() -> None:
    lines = find_lines("[[a]]\n[a.b]\nc = 1\n[[a]]\n[[a.d]]\n[[a.d]]\ne = 2\n")
    assert lines["a", 0, "b", "c"] == 3
    assert lines["a", 1, "d", 0] == 5
    assert lines["a", 1, "d", 1, "e"] == 7
