"""The words in which data sets name findings, brought to three."""

from __future__ import annotations

__all__ = ["COVID19", "NORMAL", "PATHOLOGICAL", "finding_of"]

NORMAL, PATHOLOGICAL, COVID19 = "normal", "pathological", "covid19"

_COVID = ("covid", "sars-cov-2", "sars_cov_2")
_NORMAL = frozenset({"normal", "healthy", "no finding", "no findings", "no pneumonia (healthy)", "control", "controls"})
_UNKNOWN = frozenset({"", "todo", "unknown"})


def finding_of(*names: str) -> str | None:
    """Return the finding that one or more names of one image stand for.

    Parameters
    ----------
    *names : str
        As a data set has them, such as ``"Pneumonia/Viral/COVID-19"`` or ``"No Finding"``.

    Returns
    -------
    str or None
        `COVID19` if any name tells so; else `PATHOLOGICAL` if any names a disease; else `NORMAL` if any says that;
        None when all are unknown.
    """
    plain = [name.strip().casefold() for name in names]
    known = [name for name in plain if name not in _UNKNOWN]
    if any(word in name for name in known for word in _COVID):
        return COVID19
    if not known:
        return None
    return NORMAL if all(name in _NORMAL for name in known) else PATHOLOGICAL
