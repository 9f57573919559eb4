"""Which number format the network computes in, and an inferer that applies it on any device."""

from __future__ import annotations

from typing import Any

import torch
from monai.inferers import SimpleInferer

from monai_lungxfer.utils.errors import LungXferError

PRECISIONS = ("auto", "float32", "bfloat16", "float16")


def best_device(name: str = "auto") -> torch.device:
    """Return the device of this name, or for "auto" the GPU of this process where there is one, else the CPU."""
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def usable_device(device: str | torch.device) -> torch.device:
    """Return a device that tensors can be put on; any other raises a LungXferError."""
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise LungXferError(f"there is no device {device!r}", remedy='Use "auto", "cpu", "cuda" or "cuda:N"') from error
    try:
        torch.zeros(1, device=found)
    # PyTorch raises an AssertionError where it was built without CUDA.
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise LungXferError(f"the device {found} cannot be used ({reason})", remedy='Use "auto" or "cpu"') from error
    return found


def autocast_dtype(device: str | torch.device, precision: str = "auto") -> torch.dtype | None:
    """Choose the autocast format.

    Parameters
    ----------
    device : str or torch.device
        Where the network runs.
    precision : {"auto", "float32", "bfloat16", "float16"}
        "auto" takes bfloat16 where the hardware has it, float16 on other GPUs, and float32 on other processors,
        where a format that is emulated would only be slower.

    Returns
    -------
    torch.dtype or None
        ``None`` stands for plain float32.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; use one of {', '.join(PRECISIONS)}")
    if precision != "auto":
        return None if precision == "float32" else getattr(torch, precision)
    if torch.device(device).type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if torch.device(device).type == "cpu" and _processor_has_bfloat16():
        return torch.bfloat16
    return None


def _processor_has_bfloat16() -> bool:
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def needs_grad_scaler(device: str | torch.device, precision: str = "auto") -> bool:
    """Tell whether training needs the trainer's ``amp`` with its gradient scaler: only float16 does."""
    return autocast_dtype(device, precision) is torch.float16


class PrecisionInferer(SimpleInferer):
    """MONAI's simple inferer in channels-last layout and reduced precision; what it returns is float32.

    MONAI's engines autocast on CUDA only. An inferer is what they call on every device, for training and
    evaluation alike, so the choice of precision lives here.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16", "float16"}
        See `autocast_dtype`.
    channels_last : bool
        Whether images are laid out channels last, which convolutions on a CPU and tensor cores prefer. The
        network's own weights follow with ``network.to(memory_format=torch.channels_last)``.
    """

    def __init__(self, precision: str = "auto", channels_last: bool = True) -> None:
        super().__init__()
        autocast_dtype("cpu", precision)  # a wrong word fails here and not hours later
        self.precision = precision
        self.channels_last = channels_last

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Return the network's output for a batch of shape (N, C, H, W) as float32."""
        dtype = autocast_dtype(inputs.device, self.precision)
        if self.channels_last:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        with torch.autocast(inputs.device.type, dtype=dtype, enabled=dtype is not None):
            outputs = network(inputs, *args, **kwargs)
        # Sums over 65,536 pixels, as in the Dice loss, need more than bfloat16's eight bits.
        return outputs.float()
