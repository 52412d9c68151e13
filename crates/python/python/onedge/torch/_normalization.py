"""Norms: of layers, groups, batches."""

import torch

from ._lowering import Missing
from ._table import operator
from ._values import Known, Value

INSIDE = ("a mean or variance inside a norm", "compute it with torch.var_mean")


def _normed(x, axes, eps):
    """`x` with mean 0 and variance 1 over axes."""
    deviation = (x.variance(axes, True) + float(eps)).op("sqrt")
    return (x - x.mean(axes, True)) * deviation.op("reciprocal")


def _affine(low, x, weight, bias, shape):
    """`x weight + bias`, both in this shape."""
    for part, name in ((weight, "mul"), (bias, "add")):
        if part is not None:
            part = part.view(shape) if isinstance(part, Value) else Known(part.tensor.reshape(shape), part.batch)
            x = low.binary(name, x, part)
    return x


def _channels(x):
    return [x.shape[1] if axis == 1 else 1 for axis in range(x.rank)]


def _others(x):
    return [axis for axis in range(x.rank) if axis != 1]


@operator("native_layer_norm.default")
def _layer_norm(low, x, shape, weight, bias, eps):
    x = low.value(x)
    axes = range(x.rank - len(shape), x.rank)
    return [_affine(low, _normed(x, axes, eps), weight, bias, tuple(shape)), Missing(*INSIDE), Missing(*INSIDE)]


@operator("rms_norm.default")
def _rms_norm(low, x, shape, weight=None, eps=None):
    x = low.value(x)
    axes = range(x.rank - len(shape), x.rank)
    eps = torch.finfo(low.compute).eps if eps is None else float(eps)
    size = ((x * x).mean(axes, True) + eps).op("sqrt")
    return _affine(low, x * size.op("reciprocal"), weight, None, tuple(shape))


@operator("native_group_norm.default")
def _group_norm(low, x, weight, bias, n, channels, places, groups, eps):
    x = low.value(x)
    apart = x.view((x.shape[0], groups, channels // groups, *x.shape[2:]))
    normed = _normed(apart, range(2, apart.rank), eps).view(x.shape)
    return [_affine(low, normed, weight, bias, _channels(x)), Missing(*INSIDE), Missing(*INSIDE)]


@operator("_native_batch_norm_legit_functional.default", "_native_batch_norm_legit.default")
def _batch_norm(low, x, weight, bias, mean, variance, training, momentum, eps):
    if not training:
        return _batch_norm_of_statistics(low, x, weight, bias, mean, variance, momentum, eps)
    x = low.value(x)
    result = _affine(low, _normed(x, _others(x), eps), weight, bias, _channels(x))
    missing = Missing("a running statistic inside the loss", "read it outside of the loss")
    return [result, *[Missing(*INSIDE)] * 2, *[missing] * 2]


@operator("_native_batch_norm_legit.no_stats")
def _batch_norm_alone(low, x, weight, bias, training, momentum, eps):
    return _batch_norm(low, x, weight, bias, None, None, True, momentum, eps)


@operator("_native_batch_norm_legit_no_training.default")
def _batch_norm_of_statistics(low, x, weight, bias, mean, variance, momentum, eps):
    x = low.value(x)
    shape = _channels(x)
    if isinstance(mean, Known) and isinstance(variance, Known):
        batch = mean.batch or variance.batch
        inverse = torch.rsqrt(variance.tensor.double() + eps).to(low.compute)
        x = x - Known(mean.tensor.reshape(shape), batch)
        x = x * Known(inverse.reshape(shape), batch)
    else:
        x = (x - low.value(mean).view(shape)) / (low.value(variance) + float(eps)).op("sqrt").view(shape)
    return [_affine(low, x, weight, bias, shape), Missing(*INSIDE), Missing(*INSIDE)]
