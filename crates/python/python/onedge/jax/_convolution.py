"""Convolutions over any number of axes, all on the engine's own over two."""

from ._lowering import unsupported
from ._movement import spaced, strided, turned_round
from ._table import primitive


@primitive("conv_general_dilated")
def _convolution(low, equation, operands):
    params, build = equation.params, low.builder
    numbers, groups = params["dimension_numbers"], params["feature_group_count"]
    image, kernel = low.node(operands[0]), low.node(operands[1])
    spatial = len(numbers.lhs_spec) - 2
    image = build.permute(image, [numbers.lhs_spec[0], *numbers.lhs_spec[2:], numbers.lhs_spec[1]])
    kernel = build.permute(kernel, [*numbers.rhs_spec[2:], numbers.rhs_spec[1], numbers.rhs_spec[0]])
    stride, padding = list(params["window_strides"]), [tuple(pair) for pair in params["padding"]]
    spacing, dilation = list(params["lhs_dilation"] or [1] * spatial), list(params["rhs_dilation"] or [1] * spatial)
    if params["batch_group_count"] != 1:
        # The groups of the batch side by side as channels, each with features of its own.
        groups = params["batch_group_count"]
        n, *extents, channels = build.shape(image)
        image = build.reshape(image, [groups, n // groups, *extents, channels])
        image = build.permute(image, [*range(1, spatial + 2), 0, spatial + 2])
        image = build.reshape(image, [n // groups, *extents, groups * channels])
    while spatial < 2:
        # A row of height 1.
        n, *extents, channels = build.shape(image)
        image, kernel = build.reshape(image, [n, 1, *extents, channels]), build.reshape(kernel, [1, *build.shape(kernel)])
        stride, padding, spacing, dilation = [1, *stride], [(0, 0), *padding], [1, *spacing], [1, *dilation]
        spatial += 1
    if 0 in build.shape(image) or 0 in build.shape(kernel) or 0 in equation.outvars[0].aval.shape:
        raise unsupported(equation, "a convolution with nothing in it", "leave it out")
    result = _planes(build, image, kernel, stride, padding, spacing, dilation, groups)
    spatial = len(numbers.lhs_spec) - 2
    result = build.reshape(result, [build.shape(result)[0], *([] if spatial == 0 else build.shape(result)[-1 - spatial : -1]), build.shape(result)[-1]])
    order = [0] * (spatial + 2)
    order[numbers.out_spec[0]], order[numbers.out_spec[1]] = 0, spatial + 1
    for axis, place in enumerate(numbers.out_spec[2:]):
        order[place] = 1 + axis
    return build.permute(result, order)


def _planes(build, image, kernel, stride, padding, spacing, dilation, groups):
    """`[n, .., channels]` by `[.., in, out]`: over more than two axes, the sum over the places of the kernel's first one."""
    if len(stride) == 2:
        return _plane(build, image, kernel, stride, padding, spacing, dilation, groups)
    image = spaced(build, image, [0, spacing[0] - 1] + [0] * len(stride), 0.0)
    image = _padded(build, image, [padding[0]] + [(0, 0)] * (len(stride) - 1))
    n, depth, *rest = build.shape(image)
    taps, total = build.shape(kernel)[0], None
    count = (depth - (taps - 1) * dilation[0] - 1) // stride[0] + 1
    for tap in range(taps):
        start = tap * dilation[0]
        part = strided(build, image, 1, start, start + (count - 1) * stride[0] + 1, stride[0])
        part = build.reshape(part, [n * count, *rest])
        weights = build.slice(kernel, [tap] + [0] * (len(stride) + 1), [taps - tap - 1] + [0] * (len(stride) + 1))
        weights = build.reshape(weights, build.shape(kernel)[1:])
        product = _planes(build, part, weights, stride[1:], padding[1:], spacing[1:], dilation[1:], groups)
        total = product if total is None else build.op("add", total, product)
    return build.reshape(total, [n, count, *build.shape(total)[1:]])


def _padded(build, image, padding):
    """With margins on the middle axes, negative ones cut off."""
    cut = [[0, *(max(-pair[end], 0) for pair in padding), 0] for end in (0, 1)]
    added = [[0, *(max(pair[end], 0) for pair in padding), 0] for end in (0, 1)]
    return build.pad(build.slice(image, *cut), *added)


def _plane(build, image, kernel, stride, padding, spacing, dilation, groups):
    if spacing != [1, 1]:
        if stride == [1, 1] and (result := _transposed(build, image, kernel, padding, spacing, dilation, groups)) is not None:
            return result
        image = spaced(build, image, [0, spacing[0] - 1, spacing[1] - 1, 0], 0.0)
    if any(pad < 0 for pair in padding for pad in pair) or any(before != after for before, after in padding):
        image, padding = _padded(build, image, padding), [(0, 0), (0, 0)]
    attributes = build.window(image, build.shape(kernel)[:2], stride, dilation, groups, [before for before, _ in padding])
    return build.op("conv2d", image, kernel, **attributes)


def _transposed(build, image, kernel, padding, spacing, dilation, groups):
    """A convolution of an image with gaps is the transpose of one with strides: no product with the zeros in the gaps."""
    shape, extents = build.shape(image), build.shape(kernel)
    reach = [(extent - 1) * gap for extent, gap in zip(extents, dilation)]
    outside = [r - before for r, (before, _) in zip(reach, padding)]
    if any(n < 0 for n in outside):
        return None
    # One more row where fewer are wanted, so that the margins are alike; it is cut off.
    more = [max(0, before - after) for before, after in padding]
    if any(after + extra - before >= gap for (before, after), extra, gap in zip(padding, more, spacing)):
        return None
    size = [gap * (n - 1) + 1 + before + after - r for gap, n, (before, after), r in zip(spacing, shape[1:3], padding, reach)]
    # The kernel turned round, with what comes in and goes out exchanged within each group.
    height, width, inner, outer = extents
    flipped = build.reshape(turned_round(build, kernel, [0, 1]), [height, width, inner, groups, outer // groups])
    flipped = build.permute(flipped, [0, 1, 4, 3, 2])
    flipped = build.reshape(flipped, [height, width, outer // groups, groups * inner])
    attributes = {
        "image": [n + extra for n, extra in zip(size, more)],
        "kernel": [height, width],
        "stride": list(spacing),
        "padding": outside,
        "dilation": list(dilation),
        "groups": int(groups),
    }
    result = build.op("conv2d_input", image, flipped, **attributes)
    return build.slice(result, [0, 0, 0, 0], [0, *more, 0])
