"""What is written, added or multiplied to places that are known."""

import jax
import numpy as np

from ._cuts import known, margins
from ._elementwise import balanced
from ._lowering import Node, fixed
from ._table import primitive


@primitive("dynamic_update_slice")
def _dynamic_update_slice(low, equation, operands):
    into, update, *starts = operands
    starts = [known(low, equation, start) for start in starts]
    build, value = low.builder, low.node(update)
    shape, size = build.shape(low.node(into)), build.shape(value)
    before = [min(max(int(start), 0), extent - part) for start, extent, part in zip(starts, shape, size)]
    after = [extent - start - part for extent, start, part in zip(shape, before, size)]
    mask = np.zeros(shape)
    mask[tuple(slice(start, start + part) for start, part in zip(before, size))] = 1.0
    return build.op("select", low.data(mask), build.pad(value, before, after), low.node(into))


@primitive("scatter-add", "scatter_add", "scatter-sub", "scatter_sub")
def _scatter_add(low, equation, operands):
    into, _, updates = operands
    build, shape = low.builder, equation.outvars[0].aval.shape
    places = _places(low, equation, operands)
    added = _added(build, low.node(updates), places, shape)
    if equation.primitive.name.endswith("sub"):
        return build.op("sub", low.node(into), added)
    if fixed(into) and not np.any(np.asarray(into.array)):
        return added
    return build.op("add", low.node(into), added)


@primitive("scatter")
def _scatter(low, equation, operands):
    into, _, updates = operands
    places = _places(low, equation, operands)
    winners = _rounds(places, equation.outvars[0].aval.shape)
    # Of several for one place the last one stays, as on JAX's CPU.
    source = np.full(equation.outvars[0].aval.shape, -1)
    for chosen in winners:
        source = np.where(chosen >= 0, chosen, source)
    return _merged(low, into, updates, source, lambda _, new: new)


@primitive("scatter-mul", "scatter_mul")
def _scatter_mul(low, equation, operands):
    into, _, updates = operands
    value, build = into, low.builder
    for source in _rounds(_places(low, equation, operands), equation.outvars[0].aval.shape):
        value = Node(_merged(low, value, updates, source, lambda old, new: build.op("mul", old, new)))
    return low.node(value)


@primitive("scatter-max", "scatter_max", "scatter-min", "scatter_min")
def _scatter_max(low, equation, operands):
    into, _, updates = operands
    build, shape = low.builder, equation.outvars[0].aval.shape
    name = "max" if "max" in equation.primitive.name else "min"
    places, largest = _places(low, equation, operands), into
    for source in _rounds(places, shape):
        largest = Node(_merged(low, largest, updates, source, lambda old, new: balanced(build, name, old, new)))
    # The derivative is shared by all that are equal to the largest one, as in JAX.
    best, old, new = build.op("detach", low.node(largest)), low.node(into), low.node(updates)
    within = np.maximum(places, 0)
    stays, wins = build.op("equal", old, best), build.op("equal", new, build.moved(best, within))
    count = build.op("add", stays, _added(build, wins, places, shape))
    tangents = build.op("add", build.op("mul", stays, _step(build, old)), _added(build, build.op("mul", wins, _step(build, new)), places, shape))
    return build.op("add", best, build.op("div", tangents, build.op("detach", count)))


def _added(build, value, places, shape):
    """The sums at each place; what has none, as it is out of range, is dropped, as in JAX."""
    outside = places < 0
    if not outside.any():
        return build.added(value, places, shape)
    # It goes to one row more, which is cut off.
    row = int(np.prod(shape[1:]))
    beyond = int(np.prod(shape)) + np.arange(places.size).reshape(places.shape) % row
    added = build.added(value, np.where(outside, beyond, places), (shape[0] + 1, *shape[1:]))
    return build.slice(added, *margins((shape[0] + 1, *shape[1:]), 0, 0, shape[0]))


def _step(build, value):
    """0, with the derivative of the value."""
    return build.op("sub", value, build.op("detach", value))


def _merged(low, into, updates, source, combine):
    """`combine(into, update)` where `source` names an element of the updates, `into` elsewhere."""
    build = low.builder
    old = low.node(into)
    new = build.moved(low.node(updates), np.maximum(source, 0))
    if (source >= 0).all():
        return combine(old, new)
    return build.op("select", low.data(source >= 0), combine(old, new), old)


def _rounds(places, shape):
    """For each round the update that each place gets, row-major, or -1; as many rounds as one place gets updates."""
    flat = places.reshape(-1)
    order = np.argsort(flat, kind="stable")
    order = order[flat[order] >= 0]
    targets = flat[order]
    starts = np.concatenate([[True], targets[1:] != targets[:-1]]) if targets.size else np.zeros(0, bool)
    first = np.maximum.accumulate(np.where(starts, np.arange(targets.size), 0)) if targets.size else targets
    turn = np.arange(targets.size) - first
    rounds = []
    for number in range(int(turn.max()) + 1 if turn.size else 0):
        source = np.full(int(np.prod(shape)), -1)
        source[targets[turn == number]] = order[turn == number]
        rounds.append(source.reshape(shape))
    return rounds


def _places(low, equation, operands):
    """Where each update goes, row-major, -1 if nowhere: a gather with the same geometry says so."""
    indices, updates = known(low, equation, operands[1]), equation.invars[2].aval.shape
    shape, numbers = equation.outvars[0].aval.shape, equation.params["dimension_numbers"]
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
    clip = equation.params["mode"] == jax.lax.GatherScatterMode.CLIP
    mode = {"mode": "clip"} if clip else {"mode": "fill", "fill_value": -1}
    return np.asarray(jax.lax.gather(places, indices, geometry, sizes, **mode))
