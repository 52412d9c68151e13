"""Products: of matrices, convolutions, and windows that slide."""

import math

import numpy as np

from ._lowering import unsupported
from ._table import primitive


def _extent(shape, axes):
    return math.prod(shape[axis] for axis in axes)


@primitive("dot_general")
def _dot_general(low, equation, operands):
    (left_inner, right_inner), (left_batch, right_batch) = equation.params["dimension_numbers"]
    build = low.builder
    left, right = low.node(operands[0]), low.node(operands[1])
    a, b = build.shape(left), build.shape(right)
    rows = [axis for axis in range(len(a)) if axis not in left_inner and axis not in left_batch]
    columns = [axis for axis in range(len(b)) if axis not in right_inner and axis not in right_batch]
    lead = [_extent(a, left_batch)] if left_batch else []
    m, k, n = _extent(a, rows), _extent(a, left_inner), _extent(b, columns)

    def laid_out(value, shape, batch, first, second, extents):
        """The value as `[batch, first, second]`, or the other way round where its axes lie so, and whether."""
        plain, turned = [*batch, *first, *second], [*batch, *second, *first]
        order = list(range(len(shape)))
        if plain != order and turned == order:
            return build.reshape(value, lead + extents[::-1]), True
        return build.reshape(build.permute(value, plain), lead + extents), False

    x, left_turned = laid_out(left, a, left_batch, rows, left_inner, [m, k])
    y, right_turned = laid_out(right, b, right_batch, right_inner, columns, [k, n])
    product = build.op("matmul", x, y, left=left_turned, right=right_turned)
    return build.reshape(product, [a[axis] for axis in left_batch] + [a[axis] for axis in rows] + [b[axis] for axis in columns])


@primitive("conv_general_dilated")
def _convolution(low, equation, operands):
    params, build = equation.params, low.builder
    numbers = params["dimension_numbers"]
    if params["batch_group_count"] != 1:
        raise unsupported(equation, "a convolution grouped over the batch", "use feature groups")
    image, kernel = low.node(operands[0]), low.node(operands[1])
    spatial = len(numbers.lhs_spec) - 2
    if spatial not in (1, 2):
        raise unsupported(equation, f"a convolution over {spatial} axes", "use one or two")
    image = build.permute(image, [numbers.lhs_spec[0], *numbers.lhs_spec[2:], numbers.lhs_spec[1]])
    kernel = build.permute(kernel, [*numbers.rhs_spec[2:], numbers.rhs_spec[1], numbers.rhs_spec[0]])
    stride, padding = list(params["window_strides"]), [tuple(pair) for pair in params["padding"]]
    spacing, dilation = list(params["lhs_dilation"] or ()), list(params["rhs_dilation"] or ())
    spacing, dilation = spacing or [1] * spatial, dilation or [1] * spatial
    if spatial == 1:
        # A row of height 1.
        n, length, channels = build.shape(image)
        image = build.reshape(image, (n, 1, length, channels))
        width, inputs, outputs = build.shape(kernel)
        kernel = build.reshape(kernel, (1, width, inputs, outputs))
        stride, padding, spacing, dilation = [1, *stride], [(0, 0), *padding], [1, *spacing], [1, *dilation]
    if any(gap != 1 for gap in spacing):
        # Transposed: the image with zeros between its elements.
        from ._movement import _spaced

        image = _spaced(build, image, [0, spacing[0] - 1, spacing[1] - 1, 0], 0.0)
    if any(pad < 0 for pair in padding for pad in pair):
        cut = [[max(-pair[end], 0) for pair in padding] for end in (0, 1)]
        image = build.slice(image, [0, *cut[0], 0], [0, *cut[1], 0])
        padding = [tuple(max(pad, 0) for pad in pair) for pair in padding]
    even = all(before == after for before, after in padding)
    if not even:
        image = build.pad(image, [0, padding[0][0], padding[1][0], 0], [0, padding[0][1], padding[1][1], 0])
        padding = [(0, 0), (0, 0)]
    attributes = build.window(
        image, build.shape(kernel)[:2], stride, dilation, params["feature_group_count"], [before for before, _ in padding]
    )
    result = build.op("conv2d", image, kernel, **attributes)
    if spatial == 1:
        n, _, length, channels = build.shape(result)
        result = build.reshape(result, (n, length, channels))
    order = [0] * (spatial + 2)
    order[numbers.out_spec[0]], order[numbers.out_spec[1]] = 0, spatial + 1
    for axis, place in enumerate(numbers.out_spec[2:]):
        order[place] = 1 + axis
    return build.permute(result, order)


@primitive("reduce_window_max")
def _window_max(low, equation, operands):
    return _windows(low, equation, operands, -math.inf, "reduce_max")


@primitive("reduce_window_sum")
def _window_sum(low, equation, operands):
    return _windows(low, equation, operands, 0.0, "sum")


def _windows(low, equation, operands, fill, reduce):
    params, build, value = equation.params, low.builder, low.node(operands[0])
    extents, strides, padding = list(params["window_dimensions"]), list(params["window_strides"]), list(params["padding"])
    if any(gap != 1 for gap in params["base_dilation"]):
        raise unsupported(equation, "pooling of an image with gaps", "pool before it is spread")
    slid = [axis for axis, extent in enumerate(extents) if extent != 1 or strides[axis] != 1 or padding[axis] != (0, 0)]
    if len(slid) > 2:
        raise unsupported(equation, f"pooling over {len(slid)} axes at once", "pool over two axes, then over the others")
    spare = [axis for axis in range(len(extents)) if axis not in slid]
    while len(slid) < 2:
        if not spare:
            value = build.reshape(value, (1, *build.shape(value)))
            extents, strides, padding = [1, *extents], [1, *strides], [(0, 0), *padding]
            slid, spare = [axis + 1 for axis in slid], [0]
        slid.append(spare.pop())
    slid.sort()
    shape = build.shape(value)
    # The last axis stays the last, where windows do not slide over it.
    channels = [spare.pop()] if spare and spare[-1] == len(shape) - 1 else []
    order = spare + slid + channels
    lead, inner = [shape[axis] for axis in spare], [shape[axis] for axis in channels]
    extent = (math.prod(lead), shape[slid[0]], shape[slid[1]], math.prod(inner))
    image = build.reshape(build.permute(value, order), extent)
    (top, bottom), (left, right) = padding[slid[0]], padding[slid[1]]
    image = build.pad(image, [0, top, left, 0], [0, bottom, right, 0], fill)
    dilation = [1, *params["window_dilation"]][-len(shape) :] if len(params["window_dilation"]) < len(shape) else params["window_dilation"]
    attributes = build.window(
        image,
        [extents[axis] for axis in slid],
        [strides[axis] for axis in slid],
        [dilation[axis] for axis in slid],
    )
    patches = build.op("patches", image, **attributes)
    pooled = build.op(reduce, patches, axes=[3])
    _, height, width, *_ = build.shape(pooled)
    pooled = build.reshape(pooled, [*lead, height, width, *inner])
    pooled = build.permute(pooled, np.argsort(order).tolist())
    return build.reshape(pooled, equation.outvars[0].aval.shape)
