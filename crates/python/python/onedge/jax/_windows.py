"""Windows that slide: pooling over any number of axes, two at a time."""

import math

import numpy as np

from ._movement import spaced
from ._table import primitive


@primitive("reduce_window_max")
def _window_max(low, equation, operands):
    return _windows(low.builder, equation, low.node(operands[0]), -math.inf, _first_largest)


@primitive("reduce_window_min")
def _window_min(low, equation, operands):
    build = low.builder
    turned = build.op("neg", low.node(operands[0]))
    return build.op("neg", _windows(build, equation, turned, -math.inf, _first_largest))


@primitive("reduce_window_sum")
def _window_sum(low, equation, operands):
    return _windows(low.builder, equation, low.node(operands[0]), 0.0, lambda build, patches: build.sum(patches, [3]))


def _first_largest(build, patches):
    """The largest along axis 3. The derivative is that of the first of those that are equal, as in JAX."""
    first = build.op("first_largest", patches, axes=[3])
    return build.sum(build.op("mul", first, patches), [3])


def _windows(build, equation, value, fill, reduce):
    params = equation.params
    rank = len(build.shape(value))
    extents, strides = list(params["window_dimensions"]), list(params["window_strides"])
    padding, dilation = list(params["padding"]), list(params["window_dilation"] or [1] * rank)
    value = spaced(build, value, [gap - 1 for gap in params["base_dilation"] or [1] * rank], fill)
    slid = [axis for axis in range(rank) if extents[axis] != 1 or strides[axis] != 1 or tuple(padding[axis]) != (0, 0)]
    # The last axes first: of equal elements the first in the order of the window is chosen.
    while slid:
        axes, slid = slid[-2:], slid[:-2]
        value = _pooled(build, value, axes, extents, strides, padding, dilation, fill, reduce)
    return build.reshape(value, equation.outvars[0].aval.shape)


def _pooled(build, value, slid, extents, strides, padding, dilation, fill, reduce):
    """Over one or two axes."""
    shape = build.shape(value)
    of = lambda given, other: [given[axis] for axis in slid] if len(slid) == 2 else [other, given[slid[0]]]
    kernel, stride, margins, gaps = of(extents, 1), of(strides, 1), of(padding, (0, 0)), of(dilation, 1)
    spare = [axis for axis in range(len(shape)) if axis not in slid]
    # The axes behind those over which windows slide stay where they are.
    channels = [axis for axis in spare if axis > slid[-1]]
    lead = [axis for axis in spare if axis < slid[-1]]
    order = lead + slid + channels
    size = lambda axes: math.prod(shape[axis] for axis in axes)
    plane = [shape[axis] for axis in slid] if len(slid) == 2 else [1, shape[slid[0]]]
    image = build.reshape(build.permute(value, order), (size(lead), *plane, size(channels)))
    (top, bottom), (left, right) = margins
    image = build.pad(image, [0, top, left, 0], [0, bottom, right, 0], fill)
    pooled = reduce(build, build.op("patches", image, **build.window(image, kernel, stride, gaps)))
    height, width = build.shape(pooled)[1:3]
    inner = [height, width] if len(slid) == 2 else [width]
    pooled = build.reshape(pooled, [shape[axis] for axis in lead] + inner + [shape[axis] for axis in channels])
    return build.permute(pooled, np.argsort(order).tolist())
