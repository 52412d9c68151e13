"""Operators that reduce over axes."""

import math


from ._lowering import Missing
from ._table import Refused, operator
from ._values import Value

PLACES = ("the places of maxima of parameters", "leave metrics out of the loss")


def axes_of(x, axes):
    if axes is None or (isinstance(axes, (list, tuple)) and not axes):
        return list(range(x.rank))
    return sorted({x.axis(axis) for axis in (axes if isinstance(axes, (list, tuple)) else [axes])})


@operator("sum.dim_IntList")
def _sum(low, x, axes=None, keep=False, dtype=None):
    return x.sum(axes_of(x, axes), keep)


@operator("mean.dim", "mean.default")
def _mean(low, x, axes=None, keep=False, dtype=None):
    return x.mean(axes_of(x, axes), keep)


@operator("var.correction")
def _var(low, x, axes=None, correction=1, keepdim=False):
    axes = axes_of(x, axes)
    count, correction = math.prod(x.shape[axis] for axis in axes), 1 if correction is None else correction
    if count <= correction:
        raise Refused("a variance of so few elements", "use unbiased=False")
    return x.variance(axes, keepdim).scale(count / (count - correction))


@operator("var_mean.correction")
def _var_mean(low, x, axes=None, correction=1, keepdim=False):
    return [_var(low, x, axes, correction, keepdim), x.mean(axes_of(x, axes), keepdim)]


def joined(x, axes):
    """The axes as one, the last, and the result's shape if they are kept."""
    rest = [axis for axis in range(x.rank) if axis not in axes]
    value = x.permute([*rest, *axes])
    return value.view((*value.shape[: len(rest)], math.prod(value.shape[len(rest) :]))), [1 if axis in axes else n for axis, n in enumerate(x.shape)]


@operator("amax.default", "max.default")
def _amax(low, x, axes=None, keep=False):
    # Equal ones share the derivative.
    axes = axes_of(x, axes)
    value, kept = joined(x, axes) if len(axes) > 1 else (x, [1 if axis in axes else n for axis, n in enumerate(x.shape)])
    value = value.reduce("reduce_max", [value.rank - 1] if len(axes) > 1 else axes)
    return value.view(kept) if keep else value


@operator("amin.default", "min.default")
def _amin(low, x, axes=None, keep=False):
    return -_amax(low, -x, axes, keep)


@operator("max.dim")
def _max_dim(low, x, axis, keep=False):
    return [first_largest(low, x, x.axis(axis), keep), Missing(*PLACES)]


@operator("min.dim")
def _min_dim(low, x, axis, keep=False):
    return [-first_largest(low, -x, x.axis(axis), keep), Missing(*PLACES)]


def first_largest(low, x, axis, keep=False) -> Value:
    """The largest element along an axis; of equal ones the first has the derivative."""
    if x.shape[axis] > 1:
        first = Value(low, low.build.op("first_largest", x.id, axes=[x.order[axis]]), x.order)
        x = (x * first).sum([axis], keep=True)
    return x if keep else x.squeeze([axis])


@operator("argmax.default", "argmin.default")
def _argmax(low, x, *args, **options):
    return Missing(*PLACES)


@operator("sort.default", "sort.stable", "topk.default", "median.dim", "median.default", "kthvalue.default", "mode.default")
def _sort(low, *args, **options):
    raise Refused("sorting by values that depend on parameters", "sort data alone, or sort .detach()ed values outside of the loss")


@operator("prod.dim_int", "prod.default")
def _prod(low, x, axis=None, keep=False, dtype=None):
    if axis is None:
        x, axis = x.view((math.prod(x.shape),)), 0
    axis = x.axis(axis)
    if x.shape[axis] > 64:
        raise Refused(f"a product over {x.shape[axis]} elements", "take the sum of logarithms")
    result = x.cut(axis, 0, 1)
    for place in range(1, x.shape[axis]):
        result = result * x.cut(axis, place, place + 1)
    return result if keep else result.squeeze([axis])


@operator("cumsum.default")
def _cumsum(low, x, axis, dtype=None):
    return Value(low, low.build.op("cumsum", x.id, axis=x.order[x.axis(axis)], reverse=False), x.order) if x.rank else x


@operator("any.dim", "any.dims", "any.default")
def _any(low, x, axes=None, keep=False):
    return _amax(low, 1 - x.equal(0.0), axes, keep)


@operator("_softmax.default")
def _softmax(low, x, axis, half_to_float=False):
    return Value(low, *x.along_last("softmax", axis)) if x.rank else x.like(1.0)


@operator("logsumexp.default")
def _logsumexp(low, x, axes, keep=False):
    axes = axes_of(x, axes)
    value, kept = joined(x, axes)
    array, order = value.along_last("logsumexp", value.rank - 1)
    return Value(low, array, order[:-1]).view(kept if keep else [n for axis, n in enumerate(x.shape) if axis not in axes])


@operator("_log_softmax.default")
def _log_softmax(low, x, axis, half_to_float=False):
    axis = x.axis(axis)
    result = x - _logsumexp(low, x, [axis], True)
    result.logits = (x, axis)
    return result


@operator("linalg_vector_norm.default")
def _norm(low, x, order=2, axes=None, keep=False, dtype=None):
    axes = axes_of(x, axes)
    if order == math.inf:
        return _amax(low, x.op("abs"), axes, keep)
    if order == -math.inf:
        return _amin(low, x.op("abs"), axes, keep)
    if order == 1:
        return x.op("abs").sum(axes, keep)
    if order == 0:
        return (1 - x.equal(0.0)).sum(axes, keep)
    total = (x * x if order == 2 else x.op("abs").op("power", exponent=float(order))).sum(axes, keep)
    # The derivative at 0 is 0.
    zero = total.equal(0.0)
    root = low.where(zero, 1.0, total).op("power", exponent=1 / order)
    return low.where(zero, 0.0, root)


@operator("cummax.default", "cummin.default", "cumprod.default", "logcumsumexp.default")
def _cumulative(low, x, *args, **options):
    raise Refused("a cumulative maximum, product or logarithm", "use cumsum, of logarithms for a product")


@operator("histc.default", "bincount.default", "unique_dim.default", "_unique2.default", "nonzero.default", "multinomial.default")
def _discrete(low, *args, **options):
    raise Refused("a choice, count or draw by values that depend on parameters", "make it of .detach()ed values outside of the loss, and give it with the batch")
