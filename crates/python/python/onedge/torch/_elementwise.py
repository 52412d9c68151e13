"""Operators that take each element alone. At kinks they do as PyTorch does."""

import functools
import math

import torch

from ._table import Refused, operator
from ._values import Known, Value, as_number


def _unary(name, op):
    operator(name)(lambda low, x: x.op(op))


for _name, _op in {
    "exp.default": "exp",
    "expm1.default": "expm1",
    "log.default": "log",
    "log1p.default": "log1p",
    "tanh.default": "tanh",
    "sin.default": "sin",
    "cos.default": "cos",
    "neg.default": "neg",
    "sigmoid.default": "sigmoid",
    "sqrt.default": "sqrt",
    "abs.default": "abs",
    "sign.default": "sign",
    "floor.default": "floor",
    "round.default": "round",
    "relu.default": "relu",
    "reciprocal.default": "reciprocal",
    "detach.default": "detach",
    "_local_scalar_dense.default": "detach",
}.items():
    _unary(_name, _op)


@operator("add.Tensor", "add.Scalar")
def _add(low, x, y, alpha=1):
    return low.binary("add", x, y if alpha == 1 else _times(low, y, alpha))


@operator("sub.Tensor", "sub.Scalar")
def _sub(low, x, y, alpha=1):
    return low.binary("sub", x, y if alpha == 1 else _times(low, y, alpha))


def _times(low, x, factor):
    return x * factor if not isinstance(x, Known) else low.value(x).scale(factor)


@operator("mul.Tensor", "mul.Scalar", "bitwise_and.Tensor", "logical_and.default")
def _mul(low, x, y):
    return x * y if isinstance(x, Value) else y * x


@operator("div.Tensor", "div.Scalar")
def _div(low, x, y):
    return x / y if isinstance(x, Value) else low.binary("div", x, y)


@operator("div.Tensor_mode", "div.Scalar_mode")
def _div_mode(low, x, y, rounding_mode="floor"):
    ratio = _div(low, x, y)
    return ratio if rounding_mode is None else ratio.op("floor") if rounding_mode == "floor" else _trunc(low, ratio)


@operator("trunc.default")
def _trunc(low, x):
    return x.op("sign") * x.op("abs").op("floor")


@operator("ceil.default")
def _ceil(low, x):
    return -(-x).op("floor")


@operator("fmod.Scalar", "fmod.Tensor")
def _fmod(low, x, y):
    return _remainder(low, x, y, _trunc)


@operator("remainder.Scalar", "remainder.Tensor")
def _remainder(low, x, y, down=lambda low, x: x.op("floor")):
    return low.value(x) - down(low, _div(low, low.value(x), y)) * y


@operator("hypot.default")
def _hypot(low, x, y):
    x, y = low.value(x), low.value(y)
    return (x * x + y * y).op("sqrt")


@operator("rsqrt.default")
def _rsqrt(low, x):
    return x.op("sqrt").op("reciprocal")


@operator("pow.Tensor_Scalar")
def _pow(low, x, exponent):
    return x.op("power", exponent=float(exponent))


@operator("pow.Tensor_Tensor")
def _pow_tensor(low, x, y):
    number = as_number(y)
    if number is not None:
        return _pow(low, x, number)
    low.note("`pow` with an exponent that is a tensor is exp(y log x), for positive x alone")
    return (low.value(x).op("log") * y).op("exp")


@operator("pow.Scalar")
def _pow_scalar(low, base, y):
    if not base > 0:
        raise Refused(f"the number {base} to powers that depend on parameters", "use a positive base")
    return y.scale(math.log(base)).op("exp")


@operator("exp2.default")
def _exp2(low, x):
    return x.scale(math.log(2)).op("exp")


@operator("log2.default")
def _log2(low, x):
    return x.op("log").scale(1 / math.log(2))


@operator("log10.default")
def _log10(low, x):
    return x.op("log").scale(1 / math.log(10))


@operator("tan.default")
def _tan(low, x):
    return x.op("sin") / x.op("cos")


@operator("sinh.default")
def _sinh(low, x):
    return (x.op("expm1") - (-x).op("expm1")).scale(0.5)


@operator("cosh.default")
def _cosh(low, x):
    return (x.op("exp") + (-x).op("exp")).scale(0.5)


@operator("asinh.default")
def _asinh(low, x):
    size = x.op("abs")
    root = (size * size + 1).op("sqrt")
    return x.op("sign") * (size + size * size / (root + 1)).op("log1p")


@operator("acosh.default")
def _acosh(low, x):
    return (x + (x * x - 1).op("sqrt")).op("log")


@operator("atanh.default")
def _atanh(low, x):
    return (x.op("log1p") - (-x).op("log1p")).scale(0.5)


@operator("erf.default")
def _erf(low, x):
    return x.scale(math.sqrt(2)).op("normal_cdf").scale(2) - 1


@operator("erfc.default")
def _erfc(low, x):
    return x.scale(-math.sqrt(2)).op("normal_cdf").scale(2)


@operator("gelu.default")
def _gelu(low, x, approximate="none"):
    if approximate == "none":
        return x * x.op("normal_cdf")
    inner = (x + (x * x * x).scale(0.044715)).scale(2 * math.sqrt(2 / math.pi))
    return x * inner.op("sigmoid")


@operator("softplus.default")
def _softplus(low, x, beta=1, threshold=20):
    inner = x.scale(beta)
    return low.where(inner.greater(float(threshold)), x, inner.op("softplus").scale(1 / beta))


@operator("log_sigmoid.default")
def _log_sigmoid(low, x):
    return -(-x).op("softplus")


@operator("logaddexp.default")
def _logaddexp(low, x, y):
    return low.binary("sub", x, y).op("softplus") + y


@operator("xlogy.Tensor", "xlogy.Scalar_Other")
def _xlogy(low, x, y):
    product = low.value(x) * low.value(y).op("log")
    return low.where(low.value(x).equal(0.0), 0.0, product)


@operator("leaky_relu.default")
def _leaky_relu(low, x, slope=0.01):
    return x.scale(slope) + x.op("relu").scale(1 - slope)


@operator("prelu.default")
def _prelu(low, x, weight):
    x, weight = low.value(x), low.value(weight)
    if weight.rank == 1 and weight.shape != (1,):
        weight = weight.view([n if axis == 1 else 1 for axis, n in enumerate([1, weight.shape[0], *x.shape[2:]])][: x.rank] if x.rank > 1 else weight.shape)
        weight = weight.view((1, weight.shape[1], *(1,) * (x.rank - 2))) if x.rank > 1 else weight
    return low.where(x.greater(0.0), x, weight * x)


@operator("elu.default")
def _elu(low, x, alpha=1.0, scale=1.0, input_scale=1.0):
    # Where x is positive the exponential is held at 1, so that none overflows.
    below = low.binary("minimum", 0.0, x).scale(input_scale)
    return x.op("relu").scale(scale) + below.op("expm1").scale(alpha * scale)


@operator("hardtanh.default")
def _hardtanh(low, x, least=-1.0, most=1.0):
    # The derivative at the bounds is 0.
    return low.binary("minimum", low.binary("maximum", x, float(least)), float(most))


@functools.cache
def _moves_at_bounds():
    """Whether `clamp` has a derivative of 1 where a number is a bound: that depends on the version of PyTorch."""
    with torch.enable_grad():
        x = torch.ones((), requires_grad=True)
        return bool(torch.autograd.grad(x.clamp(min=1.0), x)[0] == 1)


def _bounded(low, name, x, bound):
    if not isinstance(bound, (int, float)):
        return _maximum(low, x, bound, name)
    # Of two equal numbers the second has the derivative.
    return low.binary(name, bound, x) if _moves_at_bounds() else low.binary(name, x, bound)


@operator("clamp.default", "clamp.Tensor")
def _clamp(low, x, least=None, most=None):
    if least is not None:
        x = _bounded(low, "maximum", x, least)
    return x if most is None else _bounded(low, "minimum", x, most)


@operator("maximum.default", "fmax.default")
def _maximum(low, x, y, name="maximum"):
    # Equal numbers share the derivative.
    return (low.binary(name, x, y) + low.binary(name, y, x)).scale(0.5)


@operator("minimum.default", "fmin.default")
def _minimum(low, x, y):
    return _maximum(low, x, y, "minimum")


@operator("gt.Scalar", "gt.Tensor")
def _gt(low, x, y):
    return low.binary("greater", x, y)


@operator("lt.Scalar", "lt.Tensor")
def _lt(low, x, y):
    return low.binary("greater", y, x)


@operator("ge.Scalar", "ge.Tensor")
def _ge(low, x, y):
    return 1 - low.binary("greater", y, x)


@operator("le.Scalar", "le.Tensor")
def _le(low, x, y):
    return 1 - low.binary("greater", x, y)


@operator("eq.Scalar", "eq.Tensor")
def _eq(low, x, y):
    if isinstance(y, float) and math.isinf(y):
        return x.like(0.0)
    return low.binary("equal", x, y)


@operator("ne.Scalar", "ne.Tensor")
def _ne(low, x, y):
    return 1 - _eq(low, x, y)


@operator("logical_not.default")
def _logical_not(low, x):
    return x.equal(0.0)


@operator("bitwise_not.default")
def _bitwise_not(low, x):
    return 1 - x


@operator("bitwise_or.Tensor", "logical_or.default")
def _or(low, x, y):
    return low.binary("maximum", x, y)


@operator("logical_xor.default", "bitwise_xor.Tensor")
def _xor(low, x, y):
    return 1 - low.binary("equal", x, y)


@operator("isnan.default", "isinf.default")
def _is_odd(low, x):
    # The engine says so itself where something is.
    return x.like(0.0)


@operator("where.self")
def _where(low, mask, x, y):
    return low.where(mask, x, y)


@operator("_to_copy.default")
def _to_copy(low, x, *args, dtype=None, **options):
    if dtype in (torch.float16, torch.bfloat16) or (dtype is torch.float32 and low.compute is torch.float64):
        low.note(f"what is cast to {dtype} stays in the precision of the objective")
    if dtype is not None and dtype.is_complex:
        raise Refused("a complex number", "write real and imaginary parts as two tensors")
    if dtype is torch.bool:
        return 1 - x.equal(0.0)
    if dtype is not None and not dtype.is_floating_point:
        return _trunc(low, x)
    return x


@operator("clone.default", "alias.default", "lift_fresh_copy.default")
def _same(low, x, **options):
    return x


@operator("copy.default")
def _copy(low, x, source, non_blocking=False):
    return low.value(source).expand(x.shape)
