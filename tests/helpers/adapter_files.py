"""A base and adapters of it as files, as training writes them, with random weights."""

from __future__ import annotations

from pathlib import Path

import torch

from monai_lungxfer.networks.description import describe_network
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.translator_unet import TranslatorUNet, add_translator
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.utils.torch_files import save_checkpoint
from monai_lungxfer.weights.saving import save_weights
from monai_lungxfer.weights.sidecar import BaseWeights, Sidecar, read_sidecar, save_sidecar


def write_base(path: Path, seed: int = 0) -> DonorUNet:
    """Write the weights of a small U-Net, and return it."""
    torch.manual_seed(seed)
    network = DonorUNet(init_features=4).eval()
    save_weights(network.state_dict(), path, Sidecar([64, 64]), overwrite=True)
    return network


def write_adapter(
    path: Path, base: Path, network: torch.nn.Module, kind: str = "tail:2:4", seed: int = 1
) -> TranslatorUNet:
    """Write an adapter of a base, whose correction is not zero, and return base and adapter together."""
    torch.manual_seed(seed)
    whole = add_translator(network, kind)
    torch.nn.init.normal_(whole.translator.leave.weight)
    save_checkpoint(whole.state_dict(), path)
    known = read_sidecar(base)
    told = BaseWeights(hash_file(base), known.network, base=known.base)
    save_sidecar(path, Sidecar([64, 64], describe_network(whole), base=told))
    return whole.eval()
