"""Primitives that move elements or repeat them."""

import math

import jax
import numpy as np

from ._cuts import known, margins
from ._lowering import Node, fixed, unsupported
from ._table import primitive


@primitive("reshape", "squeeze", "expand_dims")
def _reshape(low, equation, operands):
    return low.builder.reshape(low.node(operands[0]), equation.outvars[0].aval.shape)


@primitive("transpose")
def _transpose(low, equation, operands):
    return low.builder.permute(low.node(operands[0]), equation.params["permutation"])


@primitive("broadcast_in_dim")
def _broadcast_in_dim(low, equation, operands):
    build, value = low.builder, low.node(operands[0])
    shape, axes = equation.params["shape"], equation.params["broadcast_dimensions"]
    kept = [axis for axis, extent in zip(axes, build.shape(value)) if extent == shape[axis]]
    # Where an axis has one element there is nothing to repeat.
    repeated = [axis for axis in range(len(shape)) if axis not in kept and shape[axis] != 1]
    inner = build.reshape(value, [extent for axis, extent in enumerate(shape) if axis not in repeated])
    return build.broadcast(inner, shape, repeated)


@primitive("tile")
def _tile(low, equation, operands):
    build, value = low.builder, low.node(operands[0])
    shape, repeated = [], []
    for count, extent in zip(equation.params["reps"], build.shape(value)):
        repeated.append(len(shape))
        shape += [count, extent]
    return build.reshape(build.broadcast(value, shape, repeated), equation.outvars[0].aval.shape)


@primitive("concatenate")
def _concatenate(low, equation, operands):
    return joined(low.builder, [low.node(operand) for operand in operands], equation.params["dimension"])


def joined(build, parts, axis):
    """The values one after the other along an axis: in pairs, so that no element is copied more often than there are halvings."""
    while len(parts) > 1:
        pairs = [parts[i : i + 2] for i in range(0, len(parts), 2)]
        parts = [build.op("concat", *pair, axes=[axis]) if len(pair) == 2 else pair[0] for pair in pairs]
    return parts[0]


@primitive("stack")
def _stack(low, equation, operands):
    build, axis = low.builder, equation.params["axis"]
    parts = [low.node(operand) for operand in operands]
    shape = build.shape(parts[0])
    return joined(build, [build.reshape(part, shape[:axis] + (1,) + shape[axis:]) for part in parts], axis)


@primitive("unstack")
def _unstack(low, equation, operands):
    build, value, axis = low.builder, low.node(operands[0]), equation.params["axis"]
    shape = build.shape(value)
    part = lambda place: build.slice(value, *margins(shape, axis, place, place + 1))
    return [Node(build.reshape(part(place), shape[:axis] + shape[axis + 1 :])) for place in range(shape[axis])]


@primitive("split")
def _split(low, equation, operands):
    build, value, axis = low.builder, low.node(operands[0]), equation.params["axis"]
    shape, start, parts = build.shape(value), 0, []
    for size in equation.params["sizes"]:
        before, after = [0] * len(shape), [0] * len(shape)
        before[axis], after[axis] = start, shape[axis] - start - size
        start += size
        parts.append(Node(build.slice(value, before, after)))
    return parts


@primitive("slice")
def _slice(low, equation, operands):
    params, build, value = equation.params, low.builder, low.node(operands[0])
    after = [extent - limit for extent, limit in zip(build.shape(value), params["limit_indices"])]
    value = build.slice(value, params["start_indices"], after)
    for axis, stride in enumerate(params["strides"] or ()):
        value = strided(build, value, axis, 0, build.shape(value)[axis], stride)
    return value


def strided(build, value, axis, start, stop, step):
    """Every `step`-th element of an axis, from `start` to before `stop`."""
    shape = build.shape(value)
    count = -(-(stop - start) // step)
    if count == 1:
        stop, step = start + 1, 1
    if step == 1:
        return build.slice(value, *margins(shape, axis, start, stop))
    # As an axis of so many steps, of which the first element of each stays.
    stop = start + count * step
    if stop > shape[axis]:
        value = build.pad(value, [0] * len(shape), [stop - shape[axis] if place == axis else 0 for place in range(len(shape))])
        shape = build.shape(value)
    value = build.slice(value, *margins(shape, axis, start, stop))
    apart = build.reshape(value, [*shape[:axis], count, step, *shape[axis + 1 :]])
    first = build.slice(apart, *margins(build.shape(apart), axis + 1, 0, 1))
    return build.reshape(first, [*shape[:axis], count, *shape[axis + 1 :]])


@primitive("rev")
def _rev(low, equation, operands):
    return turned_round(low.builder, low.node(operands[0]), equation.params["dimensions"])


def turned_round(build, value, axes):
    """The elements of these axes in the opposite order."""
    shape, axes = build.shape(value), sorted(axes)
    axes = [axis for axis in axes if shape[axis] > 1]
    if not axes or 0 in shape:
        return value
    # In front they are rows of a table, which are taken in the opposite order.
    order = axes + [axis for axis in range(len(shape)) if axis not in axes]
    moved = build.permute(value, order)
    rows = math.prod(shape[axis] for axis in axes)
    table = build.reshape(moved, [rows, math.prod(shape) // rows])
    taken = build.op("take", table, build.known(np.arange(rows - 1, -1, -1)))
    return build.permute(build.reshape(taken, build.shape(moved)), np.argsort(order).tolist())


@primitive("dynamic_slice")
def _dynamic_slice(low, equation, operands):
    first, *starts = operands
    sizes, build, value = equation.params["slice_sizes"], low.builder, low.node(first)
    starts = [int(known(low, equation, start)) for start in starts]
    starts = [min(max(start, 0), extent - size) for start, extent, size in zip(starts, build.shape(value), sizes)]
    return build.slice(value, starts, [extent - start - size for extent, start, size in zip(build.shape(value), starts, sizes)])


@primitive("gather")
def _gather(low, equation, operands):
    """By known indices: the places of elements are gathered in their stead, by JAX."""
    indices, build = known(low, equation, operands[1]), low.builder
    value = low.node(operands[0])
    shape = build.shape(value)
    places = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    params = {**equation.params, "fill_value": -1}
    if params["mode"] == jax.lax.GatherScatterMode.PROMISE_IN_BOUNDS:
        # Where that is broken JAX takes the nearest element, but drops its derivative: an error here.
        params["mode"] = jax.lax.GatherScatterMode.FILL_OR_DROP
    source = np.asarray(equation.primitive.bind(places, indices, **params))
    outside = source < 0
    fill = equation.params.get("fill_value")
    filled = fill is not None and np.isfinite(fill)
    if not outside.any() and (fixed(operands[1]) or not filled):
        return build.moved(value, source)
    if not filled:
        raise unsupported(equation, "an index out of range", 'check the indices; or give a number, .get(mode="fill", fill_value=0)')
    inside = build.moved(value, np.maximum(source, 0))
    return build.op("select", low.data(outside), build.like(float(fill), inside), inside)


@primitive("pad")
def _pad(low, equation, operands):
    config = equation.params["padding_config"]
    value, fill = operands
    if isinstance(fill, Node):
        raise unsupported(equation, "padding with a value that depends on parameters", "pad with a number")
    build, value = low.builder, low.node(value)
    value = spaced(build, value, [inner for _, _, inner in config], float(fill.array))
    value = build.slice(value, [max(-low_, 0) for low_, _, _ in config], [max(-high, 0) for _, high, _ in config])
    before, after = [max(low_, 0) for low_, _, _ in config], [max(high, 0) for _, high, _ in config]
    return build.pad(value, before, after, float(fill.array))


def spaced(build, value, gaps, fill):
    """`value` with so many fillings between the elements of each axis."""
    for axis, gap in enumerate(gaps):
        if not gap:
            continue
        shape = build.shape(value)
        rank = len(shape)
        apart = build.reshape(value, shape[: axis + 1] + (1,) + shape[axis + 1 :])
        after = [0] * (rank + 1)
        after[axis + 1] = gap
        padded = build.pad(apart, [0] * (rank + 1), after, fill)
        joined = build.reshape(padded, shape[:axis] + (shape[axis] * (gap + 1),) + shape[axis + 1 :])
        cut = [0] * rank
        cut[axis] = gap
        value = build.slice(joined, [0] * rank, cut)
    return value
