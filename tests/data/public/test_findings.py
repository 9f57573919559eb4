"""The words of data sets for findings are brought to three."""

from __future__ import annotations

import pytest

from monai_lungxfer.data.public.findings import parse_finding


@pytest.mark.parametrize(
    ("names", "finding"),
    [
        (("Pneumonia/Viral/COVID-19",), "covid19"),
        (("COVID-19, ARDS",), "covid19"),
        (("Viral Pneumonia", "COVID-19"), "covid19"),
        (("No Finding",), "normal"),
        (("No Pneumonia (healthy)", "No Finding"), "normal"),
        (("Pneumonia",), "pathological"),
        (("Abnormal",), "pathological"),
        (("todo",), None),
        (("Unknown", ""), None),
        ((), None),
        (("Non-COVID",), None),
        (("NonCOVID",), None),
        (("not_covid19",), None),
        (("no evidence of covid",), None),
        (("No signs of SARS-CoV-2",), None),
        (("without COVID-19",), None),
        (("COVID-19 negative",), None),
        (("COVID-19: PCR negative",), None),
        (("covid_neg",), None),
        (("negative for SARS-CoV-2 (COVID-19)",), None),
        (("COVID-19 not detected",), None),
        (("no evidence of COVID-19 or pneumonia",), None),
        (("Non-COVID pneumonia",), "pathological"),
        (("Pneumonia (COVID-19 negative)",), "pathological"),
        (("Pneumonia, COVID-19 negative",), "pathological"),
        (("Normal (no COVID)",), "normal"),
        (("No Finding", "COVID-19 negative"), "normal"),
        (("Non-COVID", "COVID-19"), "covid19"),
        (("non-severe COVID-19",), "covid19"),
        (("No improvement, COVID-19",), "covid19"),
        (("COVID-19 without pneumonia",), "covid19"),
        (("COVID-19, influenza negative",), "covid19"),
        (("COVID-19 positive influenza negative",), "covid19"),
        (("Normal COVID",), "covid19"),
        (("patient no 12 covid19",), "covid19"),
        (("sars_cov_2",), "covid19"),
    ],
)
def test_parse_finding(names, finding):
    assert parse_finding(*names) == finding
