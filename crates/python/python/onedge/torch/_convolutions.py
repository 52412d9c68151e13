"""Convolutions in 1 to 3 dimensions, and their transposes.

The engine has them in 2 dimensions with channels last. One axis is an image of height 1; of three the first is unfolded into the channels.
"""

import math

from ._table import Refused, operator
from ._values import Value


def channels_last(rank):
    """The order of an array that holds `[n, c, ..]` as `[n, .., c]`."""
    return (0, rank - 1, *range(1, rank - 1))


@operator("convolution.default")
def _convolution(low, x, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    x, weight = low.value(x), low.value(weight)
    spatial = weight.rank - 2
    if x.rank == spatial + 1:
        x = x.view((1, *x.shape))
        return _convolution(low, x, weight, bias, stride, padding, dilation, transposed, output_padding, groups).squeeze([0])
    stride, padding, dilation, extra = (_each(numbers, spatial) for numbers in (stride, padding, dilation, output_padding))
    if spatial == 1:
        x, weight = x.view((*x.shape[:2], 1, *x.shape[2:])), weight.view((*weight.shape[:2], 1, *weight.shape[2:]))
        stride, padding, dilation, extra = [1, *stride], [0, *padding], [1, *dilation], [0, *extra]
    convolve = {True: _transposed, False: _plain}[transposed]
    if spatial == 3:
        convolve = {True: _transposed_deep, False: _deep}[transposed]
    result = convolve(low, x, weight, stride, padding, dilation, extra, groups)
    if spatial == 1:
        result = result.squeeze([2])
    return result if bias is None else result + _per_channel(low.value(bias), spatial)


def _each(numbers, spatial):
    numbers = [int(n) for n in numbers]
    return numbers * spatial if len(numbers) == 1 else numbers


def _per_channel(bias, spatial):
    return bias.view((*bias.shape, *(1,) * spatial))


def _image(x):
    return x.laid(channels_last(4))


def _plain(low, x, weight, stride, padding, dilation, extra, groups):
    # Of torch `[o, c / groups, height, width]`, of the engine `[height, width, c / groups, o]`.
    kernel, image = weight.permute([2, 3, 1, 0]).plain(), _image(x)
    attributes = low.build.window(image, weight.shape[2:], stride, dilation, groups, padding)
    return Value(low, low.build.op("conv2d", image, kernel, **attributes), channels_last(4))


def _spread(size, kernel, stride, padding, dilation, extra):
    """The extents of a transposed convolution's results."""
    for one, step in zip(extra, stride):
        if one >= step:
            raise Refused("an output_padding as large as the stride", "pad the result")
    sizes = zip(size, kernel, stride, padding, dilation, extra)
    return [(n - 1) * step - 2 * pad + gap * (taps - 1) + one + 1 for n, taps, step, pad, gap, one in sizes]


def _transposed(low, x, weight, stride, padding, dilation, extra, groups):
    # Of torch `[c, o / groups, height, width]`: the kernel of the convolution whose transpose this is.
    kernel, image = weight.permute([2, 3, 1, 0]).plain(), _image(x)
    attributes = low.build.window(image, weight.shape[2:], stride, dilation, groups, padding)
    attributes["image"] = _spread(x.shape[2:], weight.shape[2:], stride, padding, dilation, extra)
    return Value(low, low.build.op("conv2d_input", image, kernel, **attributes), channels_last(4))


def _depth(kernel, stride, padding, dilation, depth):
    """A window that slides over the depth alone, of images `[n, depth, 1, all else]`."""
    return {
        "image": [depth, 1], "kernel": [kernel, 1], "stride": [stride, 1], "padding": [padding, 0], "dilation": [dilation, 1], "groups": 1,
    }  # fmt: skip


def _deep(low, x, weight, stride, padding, dilation, extra, groups):
    build = low.build
    n, c, depth, height, width = x.shape
    o, inner, taps = weight.shape[:3]
    image = build.reshape(x.laid(channels_last(5)), (n, depth, 1, height * width * c))
    slabs = build.op("patches", image, **_depth(taps, stride[0], padding[0], dilation[0], depth))
    layers = build.shape(slabs)[1]
    # The taps over the depth become channels, within each group.
    slabs = build.reshape(slabs, (n * layers, taps, height * width, groups, c // groups))
    slabs = build.reshape(build.permute(slabs, [0, 2, 3, 1, 4]), (n * layers, height, width, taps * c))
    kernel = build.reshape(weight.permute([3, 4, 2, 1, 0]).plain(), (*weight.shape[3:], taps * inner, o))
    attributes = build.window(slabs, weight.shape[3:], stride[1:], dilation[1:], groups, padding[1:])
    result = build.op("conv2d", slabs, kernel, **attributes)
    return Value(low, build.reshape(result, (n, layers, *build.shape(result)[1:])), channels_last(5))


def _transposed_deep(low, x, weight, stride, padding, dilation, extra, groups):
    build = low.build
    n, c, depth, height, width = x.shape
    inner, taps = weight.shape[1:3]
    size = _spread(x.shape[2:], weight.shape[2:], stride, padding, dilation, extra)
    image = build.reshape(x.laid(channels_last(5)), (n * depth, height, width, c))
    kernel = build.reshape(weight.permute([3, 4, 2, 1, 0]).plain(), (*weight.shape[3:], taps * inner, c))
    attributes = build.window(image, weight.shape[3:], stride[1:], dilation[1:], groups, padding[1:])
    attributes["image"] = size[1:]
    slabs = build.op("conv2d_input", image, kernel, **attributes)
    plane = math.prod(size[1:])
    slabs = build.permute(build.reshape(slabs, (n, depth, plane, groups, taps, inner)), [0, 1, 4, 2, 3, 5])
    slabs = build.reshape(slabs, (n, depth, 1, taps, plane * groups * inner))
    result = build.op("fold", slabs, **_depth(taps, stride[0], padding[0], dilation[0], size[0]))
    return Value(low, build.reshape(result, (n, *size, groups * inner)), channels_last(5))
