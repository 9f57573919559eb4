"""What a journal tells of an input, so that a later run knows whether it is still the same file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from monai_lungxfer.utils.file_stamp import FileStamp, sample_file


@dataclass(frozen=True)
class InputFacts:
    """A file's stamp, and a hash of parts of it; all are ``None`` where they are not known.

    The attributes are those of `monai_lungxfer.utils.file_stamp.FileStamp`, and what `sample_file` there returns.
    """

    input_device: int | None = None
    input_inode: int | None = None
    input_size: int | None = None
    input_mtime_ns: int | None = None
    input_sample: str | None = None

    @classmethod
    def look(cls, path: Path) -> InputFacts:
        """Return what the system says of a file, without opening it."""
        return cls(*(FileStamp.read(path) or ()))

    @classmethod
    def split(cls, line: Mapping[str, Any]) -> tuple[InputFacts, dict[str, Any]]:
        """Return what a line of a journal tells of the input, and the rest; earlier versions told less."""
        names = [field.name for field in fields(cls)]
        own = {name: line[name] for name in names if name in line}
        return cls(**own), {name: value for name, value in line.items() if name not in names}

    @property
    def is_known(self) -> bool:
        """Whether all is told that a later run compares."""
        return None not in asdict(self).values()

    def sampled(self, path: Path) -> InputFacts:
        """Return the facts with the hash, which a file that was changed since does not get."""
        if self.input_sample is not None or InputFacts.look(path) != self:
            return self
        return replace(self, input_sample=sample_file(path))

    def fit(self, now: InputFacts, path: Path) -> bool:
        """Tell whether the file of these facts is the one that is there now.

        A file that was moved or copied, and kept its size and time, is compared by its content.
        """
        if (self.input_size, self.input_mtime_ns) != (now.input_size, now.input_mtime_ns):
            return False
        is_same = (self.input_device, self.input_inode) == (now.input_device, now.input_inode)
        return is_same or self.input_sample == sample_file(path)

    def as_values(self) -> dict[str, Any]:
        """Return them for a line of a journal."""
        return asdict(self)
