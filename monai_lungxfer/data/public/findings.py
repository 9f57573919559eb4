"""The words in which data sets name findings, brought to three."""

from __future__ import annotations

import re

NORMAL, PATHOLOGICAL, COVID19 = "normal", "pathological", "covid19"

_VIRUS = r"(?:covid|sars[-_ ]?cov[-_ ]?2)(?:[-_ ]?19)?"
_COVID = rf"{_VIRUS}(?: ?\({_VIRUS}\))?"
_BEFORE = (  # "non-severe COVID-19" is COVID-19; what follows "or" is not there either
    rf"(?<![a-z])(?:non[-_ ]*|(?:no|not|without|negative)(?:[-_ ]+(?:[a-z]+[-_ ]+){{0,3}})?){_COVID}(?: n?or [^,;]*)?"
)
_BEHIND = (
    rf"{_COVID}[-_: (]*(?:(?:rt|pcr|antigen|swab|tests?|tested|results?|status|is|was)[-_: ]+)*"
    r"(?:negative|neg|free|excluded|ruled out|not (?:confirmed|detected|found|present|seen))(?![a-z])\)?"
)
_NOT_COVID = re.compile(rf"\(?(?:{_BEFORE}|{_BEHIND})\)?")
_SEPARATORS = " ,;:/-_"
_NORMAL = frozenset({"normal", "healthy", "no finding", "no findings", "no pneumonia (healthy)", "control", "controls"})
_UNKNOWN = frozenset({"", "todo", "unknown"})


def parse_finding(*names: str) -> str | None:
    """Return the finding that one or more names of one image stand for.

    Parameters
    ----------
    *names : str
        As a data set has them, such as ``"Pneumonia/Viral/COVID-19"`` or ``"No Finding"``.

    Returns
    -------
    str or None
        `COVID19` if any name says so; else `PATHOLOGICAL` if any names a disease; else `NORMAL` if any says that;
        None when all are unknown. ``"Non-COVID"`` and ``"COVID-19 negative"`` mean neither disease nor health.
    """
    plain = [_NOT_COVID.sub(" ", name.strip().casefold()).strip(_SEPARATORS) for name in names]
    known = [name for name in plain if name not in _UNKNOWN]
    if any(re.search(_COVID, name) for name in known):
        return COVID19
    if not known:
        return None
    return NORMAL if all(name in _NORMAL for name in known) else PATHOLOGICAL
