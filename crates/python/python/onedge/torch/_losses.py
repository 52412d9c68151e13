"""Losses that are exact where they are small."""

from ._table import operator

MEAN, SUM = 1, 2


def _reduced(x, reduction):
    axes = range(x.rank)
    return x.mean(axes) if reduction == MEAN else x.sum(axes) if reduction == SUM else x


@operator("binary_cross_entropy_with_logits.default")
def _bce_with_logits(low, x, target, weight=None, pos_weight=None, reduction=MEAN):
    x, target = low.value(x), low.value(target)
    one = target * (-x).op("softplus")
    if pos_weight is not None:
        one = one * pos_weight
    result = one + (1 - target) * x.op("softplus")
    return _reduced(result if weight is None else result * weight, reduction)


@operator("binary_cross_entropy.default")
def _bce(low, x, target, weight=None, reduction=MEAN):
    # As PyTorch does, no logarithm is below -100.
    x, target = low.value(x), low.value(target)
    one, other = (low.binary("maximum", part, -100.0) for part in (x.op("log"), (-x).op("log1p")))
    result = -(target * one + (1 - target) * other)
    return _reduced(result if weight is None else result * weight, reduction)
