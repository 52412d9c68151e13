"""Layers for PyTorch: values, tangents, and second derivatives along the tangents (all that the adjoint sum needs).

`tangents(y, values, tangents)` gives the tangent of the output y and the second derivative, None where that is zero.
A tangent of None is none.
"""

import math

import torch
import torch.nn.functional as F

EPSILON = 1e-6


def onednn_product(a, b):
    """a @ b by oneDNN. The torch.mm of the PyPI build calls MKL, which keeps to AVX2 on AMD processors: half the speed."""
    return torch.ops.mkldnn._linear_pointwise(a, b.t(), None, "none", [], "")


@torch.library.custom_op("onedge_bench::product", mutates_args=())
def opaque_product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The same as an operator that torch.compile leaves whole: it fuses what stands between the products."""
    return onednn_product(a, b)


@opaque_product.register_fake
def _(a, b):
    return a.new_empty(a.shape[0], b.shape[1])


class Product(torch.autograd.Function):
    """The same with a gradient, in the form that torch.func and torch.compile take together."""

    @staticmethod
    def forward(a, b):
        return opaque_product(a, b)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, d):
        a, b = ctx.saved_tensors
        return Product.apply(d, b.t()), Product.apply(a.t(), d)


def onednn_linear(x, w, b=None):
    y = Product.apply(x.reshape(-1, x.shape[-1]), w.t()).reshape(*x.shape[:-1], w.shape[0])
    return y if b is None else y + b


class Dense:
    def __init__(self, linear):
        self.linear = linear

    def value(self, x, w, b):
        return self.linear(x, w, b)

    def tangents(self, y, values, tangents):
        (x, w, _), (k, u, c) = values, tangents
        first = self.linear(x, u, c)
        if k is None:
            return first, None
        return first + self.linear(k, w), 2 * self.linear(k, u)


class Conv:
    def __init__(self, stride, padding):
        self.conv = lambda x, w, b=None: F.conv2d(x, w, b, stride, padding)

    def value(self, x, w, b=None):
        return self.conv(x, w, b)

    def tangents(self, y, values, tangents):
        (x, w), (k, u), c = values[:2], tangents[:2], tangents[2] if len(tangents) > 2 else None
        first = self.conv(x, u, c)
        if k is None:
            return first, None
        return first + self.conv(k, w), 2 * self.conv(k, u)


class Relu:
    value = staticmethod(torch.relu)

    def tangents(self, y, values, tangents):
        return tangents[0] * (y > 0), None


class Gelu:
    value = staticmethod(F.gelu)

    def tangents(self, y, values, tangents):
        (x,), (k,) = values, tangents
        density = torch.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
        slope = 0.5 * (1 + torch.erf(x * math.sqrt(0.5))) + x * density
        return k * slope, k * k * (2 - x * x) * density


class Norm:
    """`normalise` is PyTorch's own; `grouped` gives a view whose statistics run over `axes`; `spread` makes a
    parameter broadcast."""

    def __init__(self, normalise, grouped, axes, spread):
        self.normalise, self.grouped, self.axes, self.spread = normalise, grouped, axes, spread

    def value(self, x, scale, bias):
        return self.normalise(x, scale, bias)

    def tangents(self, y, values, tangents):
        mean = lambda t: t.mean(self.axes, keepdim=True)
        (x, scale, _), (k, u, c) = values, tangents
        shape, x, k = x.shape, self.grouped(x), self.grouped(k)
        x, k = x - mean(x), k - mean(k)
        root = torch.rsqrt(mean(x * x) + EPSILON)
        product = mean(x * k)
        slope = -(root**3) * product
        bend = 3 * root**5 * product**2 - root**3 * mean(k * k)
        normal, first = x * root, k * root + x * slope
        second = 2 * k * slope + x * bend
        normal, first, second = (t.reshape(shape) for t in (normal, first, second))
        scale, u, c = self.spread(scale), self.spread(u), self.spread(c)
        return first * scale + normal * u + c, second * scale + 2 * first * u


class Bilinear:
    def __init__(self, product):
        self.value = product

    def tangents(self, y, values, tangents):
        (a, b), (p, q) = values, tangents
        return self.value(p, b) + self.value(a, q), 2 * self.value(p, q)


class Softmax:
    """Along the last axis, of scores to which a mask of 0 and -inf is added."""

    def __init__(self, mask):
        self.mask = mask

    def value(self, x):
        return torch.softmax(x if self.mask is None else x + self.mask, -1)

    def tangents(self, y, values, tangents):
        centred = tangents[0] - (y * tangents[0]).sum(-1, keepdim=True)
        first = y * centred
        second = first * centred
        return first, second - y * second.sum(-1, keepdim=True)


class CrossEntropy:
    """The mean over all leading axes. Its tangent is not needed."""

    def __init__(self, labels):
        self.labels = labels.reshape(-1)

    def value(self, z):
        return F.cross_entropy(z.reshape(-1, z.shape[-1]), self.labels)

    def tangents(self, y, values, tangents):
        p, k = torch.softmax(values[0], -1), tangents[0]
        centred = k - (p * k).sum(-1, keepdim=True)
        return None, (p * centred * centred).sum(-1).mean()
