"""Training by several processes that gives what one process would give."""

from __future__ import annotations

import time

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.nn.functional import all_gather, all_reduce

from monai_lungxfer.networks.inferer import PADDED_LOGIT, pad_image

SETTLING_SECONDS = 0.5


class GlobalBatchLoss(nn.Module):
    """A loss over the batch of all processes together.

    The smooth Dice loss is a ratio of sums over the batch, so the mean of the processes' losses is not the loss of
    their joint batch. Predictions and labels are gathered (a few megabytes) and the loss is computed on the whole.

    Parameters
    ----------
    loss : torch.nn.Module
        Called with (prediction, label), both (N, C, H, W).
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, prediction: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        """Return the loss; its gradient, averaged over the processes as DDP does, is that of the joint batch."""
        return self.loss(_gather_batches(prediction, PADDED_LOGIT), _gather_batches(label, 0))


def _gather_batches(tensor: torch.Tensor, fill: float) -> torch.Tensor:
    """Concatenate the processes' tensors along the batch; batches may differ in length, and in height and width."""
    shape = torch.tensor(tensor.shape, device=tensor.device)
    shapes = [torch.zeros_like(shape) for _ in range(dist.get_world_size())]
    dist.all_gather(shapes, shape)
    longest, _, height, width = torch.stack(shapes).amax(0).tolist()
    sized = pad_image(tensor, (height, width), fill)
    padding = tensor.new_zeros((longest - len(tensor), *sized.shape[1:]))
    gathered = all_gather(torch.cat((sized, padding)).contiguous())
    return torch.cat([part[: int(other[0])] for part, other in zip(gathered, shapes, strict=True)])


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """Batch norm with the statistics of all processes' images, on processors.

    PyTorch's `SyncBatchNorm` does this on GPUs only. Keys and shapes of the state dict are those of `BatchNorm2d`.
    """

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Normalise features of shape (N, C, H, W)."""
        if not self.training or not dist.is_initialized():
            return super().forward(features)
        wide = features.float()
        count = torch.full((1,), wide.numel() / wide.shape[1], device=wide.device)
        sums = all_reduce(torch.cat((wide.sum(dim=(0, 2, 3)), count)))
        mean, total = sums[:-1] / sums[-1], sums[-1].detach()
        centred = wide - mean[:, None, None]
        variance = all_reduce(centred.square().sum(dim=(0, 2, 3))) / total
        self._track(mean.detach(), variance.detach() * total / (total - 1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(features.dtype)

    @torch.no_grad()
    def _track(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return  # made without running statistics
        self.num_batches_tracked.add_(1)
        # Without momentum, the average of all batches since the reset, as in PyTorch's own batch norms.
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def synchronise_batch_norm(network: nn.Module, device: str | torch.device) -> nn.Module:
    """Replace a network's batch norms by ones that use the statistics of all processes' images, if they learn."""
    if torch.device(device).type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for name, module in list(network.named_modules()):
        if type(module) is nn.BatchNorm2d and any(weight.requires_grad for weight in module.parameters()):
            replacement = GlobalBatchNorm2d(module.num_features, module.eps, module.momentum)
            replacement.load_state_dict(module.state_dict())
            network.set_submodule(name, replacement.to(next(iter(module.parameters())).device))
    return network


def leave_process_group() -> None:
    """Wait for the other processes, and end the communication.

    Gloo's threads need Python's global lock to drop the operations that they have finished. A process group that is
    taken apart before they did so waits for these threads while it holds that lock, for ever.
    """
    if dist.is_initialized():
        dist.barrier()
        time.sleep(SETTLING_SECONDS)
        dist.destroy_process_group()


def shares_need_padding(images: int, world_size: int, batch_size: int) -> bool:
    """Tell whether processes would run different numbers of batches unless images are repeated to even their shares.

    Repeating changes the joint batches, so it is done only then; one batch that is smaller on some processes is no
    hindrance. `images` is the size of the data set, `batch_size` that of each of `world_size` processes.
    """
    smallest, larger = divmod(images, world_size)
    return -(-(smallest + bool(larger)) // batch_size) != -(-smallest // batch_size)
