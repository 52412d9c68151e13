"""Primitives that reduce over axes."""

import numpy as np

from ._cuts import margins
from ._table import primitive


@primitive("reduce_sum")
def _reduce_sum(low, equation, operands):
    return low.builder.sum(low.node(operands[0]), equation.params["axes"])


@primitive("reduce_max")
def _reduce_max(low, equation, operands):
    return _largest(low.builder, low.node(operands[0]), equation.params["axes"])


@primitive("reduce_min")
def _reduce_min(low, equation, operands):
    build = low.builder
    return build.op("neg", _largest(build, build.op("neg", low.node(operands[0])), equation.params["axes"]))


def _largest(build, value, axes):
    shape, axes = build.shape(value), sorted(axes)
    if not axes:
        return value
    rest = [axis for axis in range(len(shape)) if axis not in axes]
    if len(axes) > 1:
        inner = build.permute(value, rest + axes)
        value = build.reshape(inner, [shape[axis] for axis in rest] + [int(np.prod([shape[axis] for axis in axes]))])
        axes = [len(rest)]
    return build.op("reduce_max", value, axes=axes)


@primitive("reduce_prod")
def _reduce_prod(low, equation, operands):
    build, value = low.builder, low.node(operands[0])
    for axis in sorted(equation.params["axes"], reverse=True):
        # In halves, so that no element is in more products than there are halvings.
        while (extent := build.shape(value)[axis]) > 1:
            shape, half = build.shape(value), extent // 2
            part = lambda start, stop: build.slice(value, *margins(shape, axis, start, stop))  # noqa: B023
            product = build.op("mul", part(0, half), part(half, 2 * half))
            value = build.op("concat", product, part(2 * half, extent), axes=[axis]) if extent % 2 else product
        shape = build.shape(value)
        rest = shape[:axis] + shape[axis + 1 :]
        value = build.reshape(value, rest) if shape[axis] else build.constant(1.0, rest)
    return value


@primitive("cumsum")
def _cumsum(low, equation, operands):
    params = equation.params
    return low.builder.op("cumsum", low.node(operands[0]), axis=params["axis"], reverse=bool(params["reverse"]))


@primitive("reduce_and", "reduce_or")
def _reduce_truth(low, equation, operands):
    build, value = low.builder, low.node(operands[0])
    if equation.primitive.name == "reduce_or":
        return _largest(build, value, equation.params["axes"])
    return build.one_minus(_largest(build, build.one_minus(value), equation.params["axes"]))
