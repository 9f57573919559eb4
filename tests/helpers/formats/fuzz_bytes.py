"""Changes to bytes that know nothing of a format."""

from __future__ import annotations

from random import Random

__all__ = ["ODD", "battered", "odd_field"]

ODD = (
    *(0, 1, 2, 7, 8, 12, 16, 17, 31, 32, 64, 127, 128, 255, 256, 4095, 32_767, 32_768, 65_535, 65_536),
    *(9999, 12_247, 2**24, 2**31 - 1, 2**31, 2**32 - 1, -1, -2, -32_768),
)
"""Numbers at which arithmetic goes wrong."""


def odd_field(data: bytes, at: int, random: Random) -> bytes:
    """Overwrite 1, 2, 4 or 8 bytes by an odd number in either byte order, or by anything."""
    size = random.choice((1, 2, 4, 8))
    value = random.choice((random.choice(ODD), random.getrandbits(8 * size))) % 256**size
    return data[:at] + value.to_bytes(size, random.choice(("little", "big"))) + data[at + size :]


def battered(data: bytes, other: bytes, random: Random) -> bytes:
    """Flip, overwrite, insert, remove, repeat or cut bytes, or go on with those of another file; some times over."""
    for _ in range(random.choice((1, 1, 2, 4, 8))):
        at = random.randrange(len(data) + 1)
        length = random.choice((1, 2, 4, 16, 100))
        match random.randrange(8):
            case 0 | 1 if at < len(data):
                data = data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]
            case 2:
                data = odd_field(data, at, random)
            case 3:
                data = data[:at] + random.randbytes(length) + data[at:]
            case 4:
                data = data[:at] + data[at + length :]
            case 5:
                data = data[:at] + data[max(0, at - length) :]
            case 6:
                data = data[:at]
            case _:
                data = data[:at] + other[random.randrange(len(other) + 1) :]
    return data
