"""A translator starts as its base, which stays as it is while the new layers learn."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.efficient_unet import EfficientUNet
from monai_lungxfer.networks.freezing import frozen_layers
from monai_lungxfer.networks.translator_unet import KINDS, TranslatorUNet, add_translator, parse_translator
from monai_lungxfer.utils.errors import LungXferError

BASES = {
    "donor": lambda: DonorUNet(init_features=4),
    "grey": lambda: DonorUNet(in_channels=1, init_features=2),
    "efficient": lambda: EfficientUNet(width=2, last_blocks=1),
    "halved": lambda: EfficientUNet(width=2, last_blocks=1, levels=4),
}


def images(base: nn.Module, height: int = 64, width: int = 96) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    channels = next(base.parameters()).shape[1]
    return torch.randn(2, channels, height, width, generator=generator)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BASES)
def test_it_starts_with_the_logits_of_its_base_in_torchscript_too(name: str, kind: str) -> None:
    base = BASES[name]().eval()
    batch = images(base)
    expected = base(batch)
    whole = TranslatorUNet(base, kind, depth=2, width=3).eval()
    assert torch.equal(whole(batch), expected)
    nn.init.ones_(whole.translator.leave.weight)
    changed = whole(batch)
    assert changed.shape == expected.shape
    assert not torch.allclose(changed, expected)
    torch.testing.assert_close(torch.jit.script(whole)(batch), changed)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_new_layers_learn(kind: str) -> None:
    base = DonorUNet(init_features=4)
    before = copy.deepcopy(base.state_dict())
    whole = TranslatorUNet(base, kind, depth=2, width=4)
    new = copy.deepcopy(whole.state_dict())
    optimizer = torch.optim.Adam(whole.parameters(), lr=0.01)
    for _ in range(3):
        whole.train()
        optimizer.zero_grad()
        whole(images(base) + 3).square().mean().backward()
        optimizer.step()
    update_bn([images(base) + 9], whole)
    assert all(torch.equal(value, before[name]) for name, value in base.state_dict().items())
    assert all(weight.grad is None for weight in base.parameters())
    assert not [name for name, value in whole.state_dict().items() if torch.equal(value, new[name])]


def test_its_state_is_that_of_the_new_layers_and_loads_on_the_base() -> None:
    base = DonorUNet(init_features=4).eval()
    whole = add_translator(base, "hypercolumn:1:4").eval()
    nn.init.ones_(whole.translator.leave.weight)
    state = whole.state_dict()
    assert all(name.startswith("translator.") for name in state)
    other = add_translator(copy.deepcopy(base), "hypercolumn:1:4").eval()
    other.load_state_dict(state)
    assert torch.equal(other(images(base)), whole(images(base)))
    with pytest.raises(RuntimeError, match="size mismatch"):
        add_translator(base, "hypercolumn:1:8").load_state_dict(state)
    outer = nn.ModuleDict({"network": whole}).state_dict()
    assert [name.removeprefix("network.") for name in outer] == list(state)


def test_a_translator_on_a_translator_leaves_the_first_as_it_is() -> None:
    first = add_translator(DonorUNet(init_features=4), "tail:1:4")
    nn.init.ones_(first.translator.leave.weight)
    first.eval()
    expected = first(images(first.base))
    second = add_translator(first, "tail:2:4")
    assert torch.equal(second.eval()(images(first.base)), expected)
    second.train()
    assert not any(module.training for module in first.modules())
    assert {name.split(".")[0] for name, weight in second.named_parameters() if weight.requires_grad} == {"translator"}


def test_dilations_reach_a_lung() -> None:
    for depth in (3, 4, 6):
        whole = TranslatorUNet(DonorUNet(init_features=2), "tail-dilated", depth, width=2)
        steps = [block.conv.dilation[0] for block in whole.translator.blocks]
        assert steps == sorted(steps)
        assert (steps[0], steps[-1]) == (1, 48)
        assert 1 + 2 * sum(steps) >= 113  # pixels that one pixel sees


def test_other_layers_can_be_frozen_besides() -> None:
    whole = frozen_layers(add_translator(DonorUNet(init_features=2), "tail:2:2"), ["translator.enter*"])
    learning = {name.split(".")[1] for name, weight in whole.named_parameters() if weight.requires_grad}
    assert learning == {"blocks", "leave"}


@pytest.mark.parametrize("text", ["tail", "tail:0", "tail:3:0", "tial:3", "tail:3:4:5", "tail:-1", "3"])
def test_what_is_no_translator_is_refused(text: str) -> None:
    with pytest.raises(LungXferError, match=r"not KIND:DEPTH.*Write for example tail:3"):
        parse_translator(text)


def test_numbers_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="both numbers 1 or more"):
        TranslatorUNet(DonorUNet(init_features=2), depth=0)
