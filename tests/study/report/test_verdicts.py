from __future__ import annotations

from monai_lungxfer.study.report.verdicts import Verdict, judge_comparison


def test_a_verdict_needs_both_the_test_and_the_interval() -> None:
    row = {"metric": "DICE", "difference_low": 0.05, "difference_high": 0.2, "p_holm": 0.01, "effect": 0.8}
    assert judge_comparison(row) is Verdict.BETTER
    assert judge_comparison(row | {"metric": "HD95"}) is Verdict.WORSE
    assert judge_comparison(row | {"p_holm": 0.06}) is Verdict.OPEN
    assert judge_comparison(row | {"difference_low": -0.01}) is Verdict.OPEN
    assert judge_comparison(row | {"p_holm": float("nan")}) is Verdict.OPEN
    falls = row | {"difference_low": -0.2, "difference_high": -0.05}
    assert judge_comparison(falls) is Verdict.WORSE
