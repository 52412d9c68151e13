"""Primitives that move elements or repeat them."""

import jax
import numpy as np

from ._lowering import Known, Node, unsupported
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
    inner = build.reshape(value, [shape[axis] for axis in kept])
    return build.broadcast(inner, shape, [axis for axis in range(len(shape)) if axis not in kept])


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
    axis, parts = equation.params["dimension"], [low.node(operand) for operand in operands]
    # In pairs, so that no element is copied more often than there are halvings.
    while len(parts) > 1:
        pairs = [parts[i : i + 2] for i in range(0, len(parts), 2)]
        parts = [low.builder.op("concat", *pair, axes=[axis]) if len(pair) == 2 else pair[0] for pair in pairs]
    return parts[0]


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
    strides = equation.params["strides"]
    if strides is not None and any(stride != 1 for stride in strides):
        return _moved(low, equation, operands)
    value = low.node(operands[0])
    after = [extent - limit for extent, limit in zip(low.builder.shape(value), equation.params["limit_indices"])]
    return low.builder.slice(value, equation.params["start_indices"], after)


@primitive("rev", "dynamic_slice", "gather")
def _moved(low, equation, operands):
    """Any movement by known indices: the places of elements are moved in their stead, by JAX."""
    first, *indices = operands
    if any(isinstance(index, Node) for index in indices):
        raise unsupported(equation, f"`{equation.primitive.name}` at places that depend on parameters", "compute the indices from data alone")
    shape = low.builder.shape(low.node(first))
    places = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    params = dict(equation.params)
    if "fill_value" in params:
        params["fill_value"] = -1
    source = np.asarray(equation.primitive.bind(places, *[index.array for index in indices], **params))
    if (source < 0).any():
        raise unsupported(equation, "an index out of range", "check the indices: JAX would give NaN there")
    return low.builder.moved(low.node(first), source)


@primitive("dynamic_update_slice")
def _dynamic_update_slice(low, equation, operands):
    into, update, *starts = operands
    if any(isinstance(start, Node) for start in starts):
        raise unsupported(equation, "an update at a place that depends on parameters", "compute the place from data alone")
    build, value = low.builder, low.node(update)
    shape, size = build.shape(low.node(into)), build.shape(value)
    before = [min(max(int(start.array), 0), extent - part) for start, extent, part in zip(starts, shape, size)]
    after = [extent - start - part for extent, start, part in zip(shape, before, size)]
    mask = np.zeros(shape)
    mask[tuple(slice(start, start + part) for start, part in zip(before, size))] = 1.0
    return build.op("select", build.field(mask), build.pad(value, before, after), low.node(into))


@primitive("scatter-add", "scatter_add")
def _scatter_add(low, equation, operands):
    into, indices, updates = operands
    if isinstance(indices, Node):
        raise unsupported(equation, "`scatter-add` at places that depend on parameters", "compute the indices from data alone")
    build, value, shape = low.builder, low.node(updates), equation.outvars[0].aval.shape
    places = _places(equation, shape, indices.array, build.shape(value))
    # What falls outside is dropped, as JAX does.
    if (places < 0).any():
        raise unsupported(equation, "an index out of range", "check the indices: JAX would drop what is added there")
    added = build.added(value, places, shape)
    if isinstance(into, Known) and not into.batch and not np.any(np.asarray(into.array)):
        return added
    return build.op("add", low.node(into), added)


def _places(equation, shape, indices, updates):
    """Where each update goes, row-major: a gather with the same geometry says so."""
    numbers = equation.params["dimension_numbers"]
    geometry = jax.lax.GatherDimensionNumbers(
        offset_dims=numbers.update_window_dims,
        collapsed_slice_dims=numbers.inserted_window_dims,
        start_index_map=numbers.scatter_dims_to_operand_dims,
        operand_batching_dims=numbers.operand_batching_dims,
        start_indices_batching_dims=numbers.scatter_indices_batching_dims,
    )
    windows = iter(numbers.update_window_dims)
    single = set(numbers.inserted_window_dims) | set(numbers.operand_batching_dims)
    sizes = tuple(1 if axis in single else updates[next(windows)] for axis in range(len(shape)))
    places = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    return np.asarray(jax.lax.gather(places, indices, geometry, sizes, mode="fill", fill_value=-1))


@primitive("pad")
def _pad(low, equation, operands):
    config = equation.params["padding_config"]
    value, fill = operands
    if isinstance(fill, Node):
        raise unsupported(equation, "padding with a value that depends on parameters", "pad with a number")
    build, value = low.builder, low.node(value)
    if any(inner for _, _, inner in config):
        value = _spaced(build, value, [inner for _, _, inner in config], float(fill.array))
    value = build.slice(value, [max(-low_, 0) for low_, _, _ in config], [max(-high, 0) for _, high, _ in config])
    before, after = [max(low_, 0) for low_, _, _ in config], [max(high, 0) for _, high, _ in config]
    return build.pad(value, before, after, float(fill.array))


def _spaced(build, value, gaps, fill):
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
