"""Results that an archive does not take: one of them must not hold up the rest."""

from __future__ import annotations

from pathlib import Path

from monai_lungxfer.utils.errors import OutputError


class Refusals:
    """The files that an archive refuses while it is given others, for one error in the end.

    Parameters
    ----------
    archive : str
        Its address, as it may stand in logs.
    """

    def __init__(self, archive: str) -> None:
        self._archive = archive
        self._files: list[str | Path] = []
        self._reason = ""

    def add(self, file: str | Path, reason: str) -> None:
        """Note that a file was refused, and why, in words that quote nothing of its content."""
        self._reason = self._reason or reason
        self._files.append(file)

    def raise_any(self, given: int) -> None:
        """End without an error when all of the `given` files were taken.

        Raises
        ------
        OutputError
            When some were not; it names the first of them and its reason.
        """
        if self._files:
            raise OutputError(
                f"{self._archive} refuses {len(self._files)} of {given} files, this one to begin with ({self._reason})",
                source=self._files[0],
                remedy="The others are stored. Look into the archive's log",
            )
