"""Windows that slide over images: pooling, and unfolding."""

import math

import numpy as np
import torch

from ._convolutions import channels_last
from ._lowering import Missing
from ._movement import taken
from ._products import contracted
from ._reductions import PLACES, first_largest
from ._table import Refused, operator
from ._values import Known, Value


def _numbers(numbers, count, default=None):
    numbers = list(numbers) if isinstance(numbers, (list, tuple)) else [numbers]
    numbers = numbers or list(default)
    return [int(n) for n in (numbers * count if len(numbers) == 1 else numbers)]


def _outputs(extent, kernel, stride, padding, dilation, ceil_mode):
    reach = extent + 2 * padding - dilation * (kernel - 1) - 1
    count = (-(-reach // stride) if ceil_mode else reach // stride) + 1
    # The last window must begin inside of the image or its padding before.
    return count - 1 if ceil_mode and (count - 1) * stride >= extent + padding else count


def _windows(low, x, kernel, stride, padding, dilation, ceil_mode, fill):
    """What windows over the last two axes of `[n, c, height, width]` see: `[n, c, .., .., taps]`."""
    before, after = [0, 0, *padding], [0, 0]
    for axis in range(2):
        extent = x.shape[2 + axis]
        count = _outputs(extent, kernel[axis], stride[axis], padding[axis], dilation[axis], ceil_mode)
        need = (count - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1
        after.append(max(need - extent - padding[axis], 0))
    image = x.pad(before, after, fill).laid(channels_last(4))
    patches = low.build.op("patches", image, **low.build.window(image, kernel, stride, dilation))
    return Value(low, patches, (0, 4, 1, 2, 3))


def _flat(x, spatial):
    """`x` as a batch of images."""
    return x.view((1, *x.shape)) if x.rank == spatial + 1 else x


@operator("max_pool2d_with_indices.default")
def _max_pool2d(low, x, kernel, stride=(), padding=0, dilation=1, ceil_mode=False):
    kernel = _numbers(kernel, 2)
    stride, padding, dilation = _numbers(stride, 2, kernel), _numbers(padding, 2), _numbers(dilation, 2)
    images = _flat(x, 2)
    windows = _windows(low, images, kernel, stride, padding, dilation, ceil_mode, -math.inf)
    result = first_largest(low, windows, 4)
    return [result.view((*x.shape[: x.rank - 2], *result.shape[2:])), Missing(*PLACES)]


@operator("max_pool3d_with_indices.default")
def _max_pool3d(low, x, kernel, stride=(), padding=0, dilation=1, ceil_mode=False):
    kernel = _numbers(kernel, 3)
    stride, padding, dilation = _numbers(stride, 3, kernel), _numbers(padding, 3), _numbers(dilation, 3)
    n, c, depth, height, width = _flat(x, 3).shape
    # First within each layer, then over the layers.
    layers = _flat(x, 3).permute([0, 2, 1, 3, 4]).view((n * depth, c, height, width))
    layers = first_largest(low, _windows(low, layers, kernel[1:], stride[1:], padding[1:], dilation[1:], ceil_mode, -math.inf), 4)
    *_, height, width = layers.shape
    stack = layers.view((n, depth, c, height, width)).permute([0, 2, 3, 4, 1]).view((n, c * height * width, depth, 1))
    over = [[numbers[0], one] for numbers, one in ((kernel, 1), (stride, 1), (padding, 0), (dilation, 1))]
    result = first_largest(low, _windows(low, stack, *over, ceil_mode, -math.inf), 4)
    result = result.view((n, c, height, width, result.shape[2])).permute([0, 1, 4, 2, 3])
    return [result.view((*x.shape[: x.rank - 3], *result.shape[2:])), Missing(*PLACES)]


@operator("avg_pool2d.default")
def _avg_pool2d(low, x, kernel, stride=(), padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    kernel = _numbers(kernel, 2)
    stride, padding = _numbers(stride, 2, kernel), _numbers(padding, 2)
    images = _flat(x, 2)
    sums = _windows(low, images, kernel, stride, padding, [1, 1], ceil_mode, 0.0).sum([4])
    factors = _mean_factors("avg_pool2d", images.shape[2:], kernel, stride, padding, ceil_mode, count_include_pad, divisor_override)
    result = sums * factors
    return result.view((*x.shape[: x.rank - 2], *result.shape[2:]))


@operator("avg_pool3d.default")
def _avg_pool3d(low, x, kernel, stride=(), padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    kernel = _numbers(kernel, 3)
    stride, padding = _numbers(stride, 3, kernel), _numbers(padding, 3)
    n, c, depth, height, width = _flat(x, 3).shape
    layers = _flat(x, 3).permute([0, 2, 1, 3, 4]).view((n * depth, c, height, width))
    layers = _windows(low, layers, kernel[1:], stride[1:], padding[1:], [1, 1], ceil_mode, 0.0).sum([4])
    *_, high, wide = layers.shape
    stack = layers.view((n, depth, c, high, wide)).permute([0, 2, 3, 4, 1]).view((n, c * high * wide, depth, 1))
    stack = _windows(low, stack, [kernel[0], 1], [stride[0], 1], [padding[0], 0], [1, 1], ceil_mode, 0.0).sum([4])
    sums = stack.view((n, c, high, wide, stack.shape[2])).permute([0, 1, 4, 2, 3])
    result = sums * _mean_factors("avg_pool3d", (depth, height, width), kernel, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return result.view((*x.shape[: x.rank - 3], *result.shape[2:]))


def _mean_factors(name, extents, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override):
    """What the sum of each window is multiplied by."""
    pool = getattr(torch.ops.aten, name)
    ones = torch.ones((1, 1, *extents), dtype=torch.float64)
    counts = pool(ones, kernel, stride, padding, ceil_mode, True, 1)
    return Known(pool(ones, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override) / counts.clamp(min=1))


def _bounds(extent, count):
    return [(place * extent // count, -(-(place + 1) * extent // count)) for place in range(count)]


@operator("adaptive_avg_pool1d.default", "adaptive_avg_pool2d.default", "adaptive_avg_pool3d.default")
@operator("_adaptive_avg_pool2d.default", "_adaptive_avg_pool3d.default")
def _adaptive_avg_pool(low, x, sizes):
    for place, count in enumerate(sizes):
        axis = x.rank - len(sizes) + place
        extent = x.shape[axis]
        if count is None or count == extent:
            continue
        if count == 1:
            x = x.mean([axis], True)
            continue
        matrix = np.zeros((count, extent))
        for row, (start, stop) in zip(matrix, _bounds(extent, count)):
            row[start:stop] = 1 / (stop - start)
        x = contracted(low, x, axis, Known(torch.from_numpy(matrix)))
    return x


@operator("adaptive_max_pool1d.default", "adaptive_max_pool2d.default", "adaptive_max_pool3d.default")
def _adaptive_max_pool(low, x, sizes):
    # The last axis last, so that of equal ones the first in the order of the rows is taken.
    for place in range(len(sizes) - 1, -1, -1):
        axis, count = x.rank - len(sizes) + place, sizes[place]
        if count is None or count == x.shape[axis]:
            continue
        bounds = _bounds(x.shape[axis], count)
        longest = max(stop - start for start, stop in bounds)
        places = np.array([[start + i if start + i < stop else start for i in range(longest)] for start, stop in bounds])
        x = first_largest(low, taken(low, x, axis, places), axis + 1)
    return [x, Missing(*PLACES)]


@operator("im2col.default")
def _im2col(low, x, kernel, dilation, padding, stride):
    images = _flat(x, 2)
    windows = _windows(low, images, list(kernel), list(stride), list(padding), list(dilation), False, 0.0)
    n, c, high, wide, taps = windows.shape
    columns = windows.permute([0, 1, 4, 2, 3]).view((n, c * taps, high * wide))
    return columns.view((*x.shape[: x.rank - 3], c * taps, high * wide))


@operator("col2im.default")
def _col2im(low, x, size, kernel, dilation, padding, stride):
    columns = x.view((1, *x.shape)) if x.rank == 2 else x
    n, taps = columns.shape[0], math.prod(kernel)
    c = columns.shape[1] // taps
    high, wide = (_outputs(size[i], kernel[i], stride[i], padding[i], dilation[i], False) for i in range(2))
    patches = columns.view((n, c, taps, high, wide)).permute([0, 3, 4, 2, 1]).plain()
    attributes = {
        "image": list(size), "kernel": list(kernel), "stride": list(stride), "padding": list(padding), "dilation": list(dilation), "groups": 1,
    }  # fmt: skip
    result = Value(low, low.build.op("fold", patches, **attributes), channels_last(4))
    return result.squeeze([0]) if x.rank == 2 else result


@operator("fractional_max_pool2d.default", "fractional_max_pool3d.default")
def _fractional(low, *args, **options):
    raise Refused("fractional pooling and unpooling by places", "use max_pool and interpolate")
