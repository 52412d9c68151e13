"""Operators that read and write at known places."""

import math

import numpy as np
import torch

from ._movement import moved, taken
from ._table import Refused, Wrong, operator
from ._values import Known, Value


def _known(places, what):
    if isinstance(places, Value):
        raise Refused(f"{what} at places that depend on parameters", "compute the indices from data alone")
    return places.tensor


def _in_range(places, extent):
    if places.numel() and (places.min() < -extent or places.max() >= extent):
        odd = places.max() if places.max() >= extent else places.min()
        raise Wrong(f"expected indices below {extent}, got {int(odd)}")
    return torch.where(places < 0, places + extent, places).numpy()


@operator("embedding.default")
def _embedding(low, weight, places, padding_idx=-1, scale_grad_by_freq=False, sparse=False):
    weight = low.value(weight)
    if scale_grad_by_freq:
        raise Refused("an embedding with scale_grad_by_freq", "leave it out")
    tensor = _known(places, "an embedding")
    result = taken(low, weight, 0, _in_range(tensor, weight.shape[0]))
    if padding_idx >= 0:
        # The row of the padding has no derivative.
        mask = Known((tensor == padding_idx)[..., None], places.batch)
        result = low.where(mask, result.op("detach"), result)
    return result


@operator("index_select.default")
def _index_select(low, x, axis, places):
    tensor = _known(places, "index_select")
    axis = x.axis(axis)
    return taken(low, x, axis, _in_range(tensor.reshape(-1), x.shape[axis]))


@operator("index.Tensor")
def _index(low, x, indices):
    x = low.value(x)
    known = [(axis, _known(index, "indexing"), index) for axis, index in enumerate(indices) if index is not None]
    if len(known) == 1 and known[0][1].dtype not in (torch.bool, torch.uint8):
        axis, tensor, index = known[0]
        return taken(low, x, axis, _in_range(tensor, x.shape[axis]))
    places = torch.arange(math.prod(x.shape)).reshape(x.shape)
    return moved(low, x, _at(places, indices).numpy())


def _at(places, indices):
    try:
        return torch.ops.aten.index.Tensor(places, [None if index is None else index.tensor for index in indices])
    except IndexError as error:
        raise Wrong(f"expected indices within the tensor: {error}") from None


@operator("gather.default")
def _gather(low, x, axis, places, sparse_grad=False):
    tensor = _known(places, "gather")
    x = low.value(x)
    if x.rank == 0:
        return x
    axis = x.axis(axis)
    checked = torch.from_numpy(np.ascontiguousarray(_in_range(tensor, x.shape[axis])))
    if tensor.shape[axis] == 1 and all(n == x.shape[other] for other, n in enumerate(tensor.shape) if other != axis):
        if x.logits is not None and x.logits[1] == axis:
            return _log_probability(low, x.logits[0], axis, checked)
        array, labels, rest = _rows_and_labels(low, x, axis, checked)
        return Value(low, low.build.op("pick", array, labels), rest).view(tuple(tensor.shape))
    return moved(low, x, torch.arange(math.prod(x.shape)).reshape(x.shape).gather(axis, checked).numpy())


def _rows_and_labels(low, x, axis, places):
    """`x` with this axis last, the place in each row, and the order of all other axes."""
    order = x.order_with_last([axis])
    rest = [order[other] for other in range(x.rank) if other != axis]
    labels = places.squeeze(axis).permute(sorted(range(len(rest)), key=lambda other: rest[other]))
    return x.laid(order), low.build.field(labels.numpy()), rest


def _log_probability(low, scores, axis, places):
    """`z_y - logsumexp(z)`, by the margins `z - z_y` with exact zeros at `y`, so that what is small is not lost in rounding."""
    build = low.build
    array, labels, rest = _rows_and_labels(low, scores, axis, places)
    held = build.shape(array)
    picked = build.broadcast(build.op("pick", array, labels), held, [len(held) - 1])
    others = build.one_minus(build.op("one_hot", labels, classes=held[-1]))
    margins = build.op("mul", others, build.op("sub", array, picked))
    return Value(low, build.op("neg", build.op("logsumexp", margins)), rest).view(tuple(places.shape))


def _sent(low, shape, value, places):
    """Zeros of `shape` with the elements of `value` added at `places`, row-major."""
    return Value(low, low.build.added(value.plain(), places.numpy(), shape))


def _rows(low, shape, value, axis, places):
    """Zeros of `shape` with slices of `value` added at places along one axis."""
    order = [axis, *(other for other in range(len(shape)) if other != axis)]
    front = low.build.reshape(value.permute(order).plain(), (len(places), math.prod(value.shape) // max(len(places), 1)))
    sent = low.build.op("put_add", front, low.places(places, shape[axis]), rows=shape[axis])
    held = [shape[other] for other in order]
    return Value(low, low.build.reshape(sent, held), [order.index(other) for other in range(len(shape))])


def _plus(low, x, sent):
    return sent if isinstance(x, Known) and not x.batch and not x.tensor.any() else low.binary("add", x, sent)


@operator("index_add.default")
def _index_add(low, x, axis, places, source, alpha=1):
    tensor = _known(places, "index_add")
    axis %= len(x.shape)
    source = low.value(source).scale(alpha)
    return _plus(low, x, _rows(low, x.shape, source, axis, _in_range(tensor.reshape(-1), x.shape[axis])))


def _spots(x, axis, places, what):
    """Where each element that is scattered goes, row-major, of a gather's indices."""
    tensor = _known(places, what)
    axis %= len(x.shape)
    checked = torch.from_numpy(np.ascontiguousarray(_in_range(tensor, x.shape[axis])))
    return torch.arange(math.prod(x.shape)).reshape(x.shape).gather(axis, checked)


def _part(low, source, shape):
    source = low.value(source)
    for axis, n in enumerate(shape):
        source = source.cut(axis, 0, n) if source.shape[axis] != n else source
    return source


@operator("scatter_add.default")
def _scatter_add(low, x, axis, places, source):
    tensor = _known(places, "scatter_add")
    axis %= len(x.shape)
    # The same place for a whole slice, as in sums over edges.
    line = tensor.movedim(axis, 0).reshape(tensor.shape[axis], -1)
    source = _part(low, source, tensor.shape)
    whole = all(n == x.shape[other] for other, n in enumerate(tensor.shape) if other != axis)
    if whole and line.numel() and tensor.dim() > 1 and tensor.stride()[axis] != 0 and all(step == 0 for n, step in _others(tensor, axis) if n > 1):
        return _plus(low, x, _rows(low, x.shape, source, axis, _in_range(line[:, 0], x.shape[axis])))
    return _plus(low, x, _sent(low, x.shape, source, _spots(x, axis, places, "scatter_add")))


def _others(tensor, axis):
    return [(n, step) for other, (n, step) in enumerate(zip(tensor.shape, tensor.stride())) if other != axis]


@operator("scatter_reduce.two")
def _scatter_reduce(low, x, axis, places, source, reduce, include_self=True):
    if reduce not in ("sum", "mean"):
        raise Refused(f"scatter_reduce by `{reduce}`", "use sum or mean")
    spots = _spots(x, axis, places, "scatter_reduce")
    sent = _sent(low, x.shape, _part(low, source, spots.shape), spots)
    counts = torch.zeros(math.prod(x.shape), dtype=torch.float64).index_add_(0, spots.reshape(-1), torch.ones(spots.numel(), dtype=torch.float64))
    counts = counts.reshape(x.shape)
    own = 1.0 if include_self else (counts == 0).double()
    total = low.binary("add", sent, low.value(x) * Known(own, places.batch) if not include_self else x)
    return total if reduce == "sum" else total * Known(1 / (counts + own).clamp(min=1), places.batch)


@operator("scatter.src", "scatter.value")
def _scatter(low, x, axis, places, source):
    spots = _spots(x, axis, places, "scatter")
    if isinstance(source, (int, float)):
        return _fill(low, x, spots, source, places.batch)
    return _put(low, x, spots, _part(low, source, spots.shape), places.batch)


def _fill(low, x, spots, number, batch):
    """`x` with one number at places, some of which may be the same."""
    mask = torch.zeros(math.prod(x.shape), dtype=torch.bool)
    mask[spots.reshape(-1)] = True
    return low.where(Known(mask.reshape(x.shape), batch), number, x)


def _put(low, x, spots, source, batch):
    """`x` with other elements at places that are all different."""
    flat = spots.reshape(-1)
    if flat.unique().numel() != flat.numel():
        raise Refused("writing twice to the same place", "use scatter_add, index_add or accumulate=True")
    mask = torch.zeros(math.prod(x.shape), dtype=torch.bool)
    mask[flat] = True
    return low.where(Known(mask.reshape(x.shape), batch), _sent(low, x.shape, source, spots), x)


@operator("index_put.default", "_index_put_impl.default")
def _index_put(low, x, indices, source, accumulate=False, unsafe=False):
    for index in indices:
        _known(index, "index_put") if index is not None else None
    spots = _at(torch.arange(math.prod(x.shape)).reshape(x.shape), indices)
    batch = any(index is not None and index.batch for index in indices)
    if isinstance(source, Known) and not accumulate and (source.tensor.numel() == 1 or not source.batch and _is_one_number(source.tensor)):
        return _fill(low, x, spots, Known(source.tensor.reshape(-1)[0], source.batch), batch)
    source = low.value(source).expand(spots.shape)
    if accumulate:
        return _plus(low, x, _sent(low, x.shape, source, spots))
    return _put(low, x, spots, source, batch)


def _is_one_number(tensor):
    return tensor.numel() > 0 and bool((tensor == tensor.reshape(-1)[0]).all())


@operator("diagonal_scatter.default")
def _diagonal_scatter(low, x, source, offset=0, one=0, two=1):
    spots = torch.diagonal(torch.arange(math.prod(x.shape)).reshape(x.shape), offset, one, two)
    return _put(low, x, spots, low.value(source), False)


@operator("masked_scatter.default", "masked_select.default", "put.default")
def _by_mask(low, *args, **options):
    raise Refused("taking or writing by a mask", "use torch.where, or an index of data")


@operator("index_reduce.default")
def _rare(low, *args, **options):
    raise Refused("index_copy, index_fill and index_reduce", "use index_add or scatter")
