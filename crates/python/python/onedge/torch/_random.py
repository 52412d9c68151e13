"""Masks that are drawn at random, once."""

import torch

from ._lowering import Missing
from ._table import Refused, operator
from ._values import Known


def dropout(low, x, share):
    """`x` without a random `share` of its elements, by the draws that PyTorch would make."""
    drawn, _ = torch.ops.aten.native_dropout(torch.ones(x.shape, dtype=low.compute), share, True)
    return x * Known(drawn, batch=True)


@operator("native_dropout.default")
def _native_dropout(low, x, share, train):
    if not train or share == 0:
        return [x, Missing("a mask of dropout", "draw a mask of your own")]
    drawn, mask = torch.ops.aten.native_dropout(low.blank(x.shape), share, True)
    return [x * Known(drawn, batch=True), Known(mask, batch=True)]


@operator("rrelu_with_noise_functional.default", "rrelu_with_noise.default")
def _rrelu(low, x, *args, **options):
    raise Refused("`rrelu` in training", "use leaky_relu")
