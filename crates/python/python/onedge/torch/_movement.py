"""Operators that move elements."""

import math

import numpy as np
import torch

from ._table import Refused, operator
from ._values import Known, Value


@operator("view.default", "view_copy.default")
def _view(low, x, shape, *strides):
    shape = [int(n) for n in shape]
    if -1 in shape:
        rest = math.prod(n for n in shape if n != -1)
        shape[shape.index(-1)] = math.prod(x.shape) // rest if rest else 0
    return x.view(shape)


@operator("squeeze.dims")
def _squeeze(low, x, axes=None):
    axes = range(x.rank) if axes is None else [x.axis(axis) for axis in (axes if isinstance(axes, (list, tuple)) else [axes])]
    return x.squeeze([axis for axis in axes if x.shape[axis] == 1])


@operator("unsqueeze.default")
def _unsqueeze(low, x, axis):
    axis %= x.rank + 1
    return x.view((*x.shape[:axis], 1, *x.shape[axis:]))


@operator("permute.default", "permute_copy.default")
def _permute(low, x, axes):
    return x.permute([x.axis(axis) for axis in axes])


@operator("expand.default")
def _expand(low, x, shape, implicit=False):
    extra = len(shape) - x.rank
    return x.expand([x.shape[axis - extra] if n == -1 else int(n) for axis, n in enumerate(shape)])


@operator("repeat.default")
def _repeat(low, x, times):
    shape = (1,) * (len(times) - x.rank) + x.shape
    apart = x.view([part for n in shape for part in (1, n)])
    spread = apart.expand([part for n, time in zip(shape, times) for part in (int(time), n)])
    return spread.view([n * int(time) for n, time in zip(shape, times)])


@operator("select.int", "select_copy.int")
def _select(low, x, axis, place):
    axis = x.axis(axis)
    place = int(place) % x.shape[axis]
    return x.cut(axis, place, place + 1).squeeze([axis])


@operator("slice.Tensor", "slice_copy.Tensor")
def _slice(low, x, axis=0, start=None, stop=None, step=1):
    axis = x.axis(axis)
    start, stop, step = slice(_int(start), _int(stop), int(step)).indices(x.shape[axis])
    count = max(0, -(-(stop - start) // step))
    if count == 0:
        raise Refused("an empty slice of what depends on parameters", "leave it out")
    if step == 1:
        return x.cut(axis, start, stop)
    # Whole steps, of each the first.
    end = start + count * step
    if end > x.shape[axis]:
        after = [0] * x.rank
        after[axis] = end - x.shape[axis]
        x = x.pad([0] * x.rank, after)
    x = x.cut(axis, start, end)
    apart = x.view((*x.shape[:axis], count, step, *x.shape[axis + 1 :]))
    return apart.cut(axis + 1, 0, 1).squeeze([axis + 1])


def _int(number):
    return None if number is None else int(number)


@operator("split_with_sizes.default")
def _split_with_sizes(low, x, sizes, axis=0):
    axis, ends = x.axis(axis), np.cumsum([int(size) for size in sizes]).tolist()
    return [x.cut(axis, end - int(size), end) for end, size in zip(ends, sizes)]


@operator("cat.default")
def _cat(low, parts, axis=0):
    # Empty vectors are left out, as PyTorch does.
    parts = [part for part in parts if part.shape != (0,)]
    lead = max((part for part in parts if isinstance(part, Value)), key=lambda part: math.prod(part.shape))
    axis = lead.axis(axis)
    parts = [part for part in parts if part.shape[axis] != 0]
    arrays = [part.laid(lead.order) if isinstance(part, Value) else low.field(part, lead.order) for part in parts]
    while len(arrays) > 1:
        pairs = [arrays[i : i + 2] for i in range(0, len(arrays), 2)]
        arrays = [low.build.op("concat", *pair, axes=[lead.order[axis]]) if len(pair) == 2 else pair[0] for pair in pairs]
    return Value(low, arrays[0], lead.order)


def _stack(low, parts, axis=0):
    axis %= len(parts[0].shape) + 1
    apart = [low.value(part) for part in parts]
    return _cat(low, [part.view((*part.shape[:axis], 1, *part.shape[axis:])) for part in apart], axis)


@operator("constant_pad_nd.default")
def _constant_pad(low, x, pads, fill=0.0):
    before, after = [0] * x.rank, [0] * x.rank
    for place in range(len(pads) // 2):
        axis = x.rank - 1 - place
        before[axis], after[axis] = int(pads[2 * place]), int(pads[2 * place + 1])
    for axis in range(x.rank):
        x = x.cut(axis, max(-before[axis], 0), x.shape[axis] - max(-after[axis], 0)) if min(before[axis], after[axis]) < 0 else x
    return x.pad([max(pad, 0) for pad in before], [max(pad, 0) for pad in after], fill)


def taken(low, x, axis, places) -> Value:
    """The elements of `x` at known places along one axis; where these have several axes, so has the result in its stead."""
    places = np.asarray(places)
    axis, shape = x.axis(axis), x.shape
    order = [axis, *(other for other in range(x.rank) if other != axis)]
    # Rows of whatever comes behind the axis, for each of what comes before.
    lead, extent = math.prod(shape[:axis]), shape[axis]
    behind = math.prod(shape[axis + 1 :])
    plain = x.order == tuple(range(x.rank))
    if plain and lead * places.size < 2**20:
        rows = (np.arange(lead)[:, None] * extent + places.reshape(-1)).reshape(-1)
        table = low.build.reshape(x.id, (lead * extent, behind))
        taken = low.build.op("take", table, low.places(rows, lead * extent))
        return Value(low, low.build.reshape(taken, (*shape[:axis], *places.shape, *shape[axis + 1 :])))
    front = low.build.reshape(x.permute(order).plain(), (extent, lead * behind))
    taken = low.build.op("take", front, low.places(places.reshape(-1), extent))
    rest = [n for other, n in enumerate(shape) if other != axis]
    value = Value(low, low.build.reshape(taken, (*places.shape, *rest)))
    k = places.ndim
    return value.permute([*range(k, k + axis), *range(k), *range(k + axis, k + len(rest))])


@operator("flip.default")
def _flip(low, x, axes):
    for axis in axes:
        x = taken(low, x, axis, np.arange(x.shape[x.axis(axis)])[::-1])
    return x


@operator("roll.default")
def _roll(low, x, shifts, axes=()):
    if not axes:
        return _roll(low, x.view((math.prod(x.shape),)), shifts, [0]).view(x.shape)
    for shift, axis in zip(shifts, axes):
        axis = x.axis(axis)
        extent = x.shape[axis]
        shift = int(shift) % extent
        if shift:
            x = _cat(low, [x.cut(axis, extent - shift, extent), x.cut(axis, 0, extent - shift)], axis)
    return x


def moved(low, x, source) -> Value:
    """The elements of `x` whose places, row-major, are in `source`, in its shape."""
    if source.size == 0:
        raise Refused("an empty part of what depends on parameters", "leave it out")
    low.check_places(math.prod(x.shape))
    return Value(low, low.build.moved(x.plain(), np.asarray(source)))


def rearranged(low, x, function) -> Value:
    """What a function of PyTorch that only moves elements makes of `x`."""
    places = torch.arange(math.prod(x.shape)).reshape(x.shape)
    return moved(low, x, function(places).numpy())


@operator("unfold.default")
def _unfold(low, x, axis, size, step):
    return rearranged(low, x, lambda places: places.unfold(axis, size, step))


@operator("diagonal.default")
def _diagonal(low, x, offset=0, one=0, two=1):
    return rearranged(low, x, lambda places: torch.diagonal(places, offset, one, two))


@operator("as_strided.default", "as_strided_copy.default")
def _as_strided(low, x, shape, stride, offset=None):
    return rearranged(low, x, lambda places: torch.as_strided(places, shape, stride, offset or 0))


@operator("slice_scatter.default")
def _slice_scatter(low, x, source, axis=0, start=None, stop=None, step=1):
    axis %= len(x.shape)
    start, stop, step = slice(_int(start), _int(stop), int(step)).indices(x.shape[axis])
    source, where = low.value(source), np.arange(start, stop, step)
    if where.size == 0:
        return x
    if step == 1:
        before, after = [0] * source.rank, [0] * source.rank
        before[axis], after[axis] = start, x.shape[axis] - stop
        spread = source.pad(before, after)
    else:
        back = np.zeros(x.shape[axis], np.int64)
        back[where] = np.arange(where.size)
        spread = taken(low, source, axis, back)
    mask = torch.zeros(x.shape[axis], dtype=torch.bool)
    mask[torch.from_numpy(where)] = True
    return low.where(Known(mask.reshape([-1 if other == axis else 1 for other in range(len(x.shape))])), spread, x)
