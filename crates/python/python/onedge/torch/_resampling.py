"""Interpolation: along each axis a product with a matrix, which PyTorch itself gives."""

import torch

from ._products import contracted
from ._table import operator
from ._values import Known


def _resampled(low, x, sizes, scales, along):
    """`x` resampled along its last axes; `along` gives the result for rows of the identity."""
    spatial = x.rank - 2
    for place in range(spatial):
        axis = 2 + place
        extent = x.shape[axis]
        matrix = along(extent, None if sizes is None else sizes[place], None if scales is None else scales[place])
        count = matrix.shape[1]
        if count % extent == 0 and torch.equal(matrix, torch.eye(extent, dtype=matrix.dtype).repeat_interleave(count // extent, 1)):
            apart = x.view((*x.shape[: axis + 1], 1, *x.shape[axis + 1 :]))
            apart = apart.expand((*x.shape[: axis + 1], count // extent, *x.shape[axis + 1 :]))
            x = apart.view((*x.shape[:axis], count, *x.shape[axis + 1 :]))
        else:
            x = contracted(low, x, axis, Known(matrix.T.contiguous()))
    return x


def _line(extent):
    return torch.eye(extent, dtype=torch.float64)[None]


def _one(size, scale):
    return (None if size is None else [int(size)], None if scale is None else [float(scale)])


@operator("upsample_nearest1d.vec", "upsample_nearest2d.vec", "upsample_nearest3d.vec")
def _nearest(low, x, sizes, scales=None):
    nearest = torch.ops.aten.upsample_nearest1d.vec
    return _resampled(low, x, sizes, scales, lambda extent, size, scale: nearest(_line(extent), *_one(size, scale))[0])


@operator("upsample_linear1d.vec", "upsample_bilinear2d.vec", "upsample_trilinear3d.vec")
def _linear(low, x, sizes, align_corners, scales=None):
    def along(extent, size, scale):
        size, scale = _one(size, scale)
        return torch.ops.aten.upsample_linear1d.vec(_line(extent), size, align_corners, scale)[0]

    return _resampled(low, x, sizes, scales, along)


def _of_images(name):
    interpolate = getattr(torch.ops.aten, name).vec

    def lower(low, x, sizes, align_corners, scales=None):
        def along(extent, size, scale):
            # Two columns, as with one the kernels of PyTorch confuse layouts.
            line = torch.eye(extent, dtype=torch.float64).reshape(1, extent, extent, 1).repeat(1, 1, 1, 2)
            sizes = None if size is None else [int(size), 2]
            return interpolate(line, sizes, align_corners, None if scale is None else [float(scale), 1.0])[0, :, :, 0]

        return _resampled(low, x, sizes, scales, along)

    operator(f"{name}.vec")(lower)


for _name in ("upsample_bicubic2d", "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"):
    _of_images(_name)
