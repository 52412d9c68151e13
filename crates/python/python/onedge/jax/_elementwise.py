"""Primitives that take each element alone."""

import math

import jax
import numpy as np

from ._lowering import Known, Node, unsupported
from ._table import primitive


def _unary(name, op):
    primitive(name)(lambda low, equation, operands: low.builder.op(op, low.node(operands[0])))


def _binary(name, op):
    primitive(name)(lambda low, equation, operands: low.builder.op(op, *low.spread(equation, operands)))


for _name, _op in {
    "exp": "exp",
    "expm1": "expm1",
    "log": "log",
    "log1p": "log1p",
    "tanh": "tanh",
    "sin": "sin",
    "cos": "cos",
    "neg": "neg",
    "logistic": "sigmoid",
    "sqrt": "sqrt",
    "abs": "abs",
    "sign": "sign",
    "floor": "floor",
    "stop_gradient": "detach",
}.items():
    _unary(_name, _op)

for _name, _op in {
    "add": "add",
    "add_any": "add",
    "sub": "sub",
    "div": "div",
    "min": "minimum",
    "gt": "greater",
    "eq": "equal",
    "and": "mul",
    "or": "maximum",
}.items():
    _binary(_name, _op)


def _scalar(operand):
    """A known operand that is one number, or None."""
    if isinstance(operand, Known) and not operand.batch and np.ndim(operand.array) == 0:
        return float(operand.array)
    return None


@primitive("mul")
def _mul(low, equation, operands):
    for one, other in (operands, operands[::-1]):
        number = _scalar(one)
        if number is not None:
            return low.builder.scale(low.node(other), number)
    return low.builder.op("mul", *low.spread(equation, operands))


@primitive("max")
def _max(low, equation, operands):
    shape = equation.outvars[0].aval.shape
    for one, other in (operands, operands[::-1]):
        if isinstance(one, Known) and not one.batch:
            array = np.asarray(one.array)
            if np.all(np.isneginf(array)):
                return low.builder.full(low.node(other), shape)
            if np.all(array == 0):
                return low.builder.op("relu", low.builder.full(low.node(other), shape))
    return low.builder.op("maximum", *low.spread(equation, operands))


@primitive("lt")
def _lt(low, equation, operands):
    a, b = low.spread(equation, operands)
    return low.builder.op("greater", b, a)


@primitive("ge")
def _ge(low, equation, operands):
    a, b = low.spread(equation, operands)
    return low.builder.one_minus(low.builder.op("greater", b, a))


@primitive("le")
def _le(low, equation, operands):
    a, b = low.spread(equation, operands)
    return low.builder.one_minus(low.builder.op("greater", a, b))


@primitive("ne")
def _ne(low, equation, operands):
    return low.builder.one_minus(low.builder.op("equal", *low.spread(equation, operands)))


@primitive("not")
def _not(low, equation, operands):
    if equation.outvars[0].aval.dtype != bool:
        raise unsupported(equation, "`not` of whole numbers that depend on parameters", "use numbers or truth values")
    return low.builder.one_minus(low.node(operands[0]))


@primitive("is_finite")
def _is_finite(low, equation, operands):
    # The engine says so itself where something is not.
    return low.builder.like(1.0, low.node(operands[0]))


@primitive("square")
def _square(low, equation, operands):
    value = low.node(operands[0])
    return low.builder.op("mul", value, value)


@primitive("rsqrt")
def _rsqrt(low, equation, operands):
    return low.builder.op("reciprocal", low.builder.op("sqrt", low.node(operands[0])))


@primitive("integer_pow")
def _integer_pow(low, equation, operands):
    value, exponent = low.node(operands[0]), equation.params["y"]
    build, rest, result, power = low.builder, abs(exponent), None, value
    while rest:
        if rest & 1:
            result = power if result is None else build.op("mul", result, power)
        rest >>= 1
        if rest:
            power = build.op("mul", power, power)
    if result is None:
        return build.like(1.0, value)
    return build.op("reciprocal", result) if exponent < 0 else result


@primitive("pow")
def _pow(low, equation, operands):
    exponent = _scalar(operands[1])
    if exponent is not None:
        return low.builder.op("power", low.node(operands[0]), exponent=exponent)
    low.note("`pow` with an exponent that is an array is exp(b log a), for positive a alone")
    a, b = low.spread(equation, operands)
    return low.builder.op("exp", low.builder.op("mul", b, low.builder.op("log", a)))


@primitive("erf")
def _erf(low, equation, operands):
    build = low.builder
    value = build.scale(low.node(operands[0]), math.sqrt(2.0))
    twice = build.scale(build.op("normal_cdf", value), 2.0)
    return build.op("sub", twice, build.like(1.0, twice))


@primitive("erfc")
def _erfc(low, equation, operands):
    build = low.builder
    return build.scale(build.op("normal_cdf", build.scale(low.node(operands[0]), -math.sqrt(2.0))), 2.0)


@primitive("round")
def _round(low, equation, operands):
    if equation.params["rounding_method"] != jax.lax.RoundingMethod.TO_NEAREST_EVEN:
        raise unsupported(equation, "rounding of halves away from zero", "use jnp.round, which rounds them to the even one")
    return low.builder.op("round", low.node(operands[0]))


@primitive("ceil")
def _ceil(low, equation, operands):
    build = low.builder
    return build.op("neg", build.op("floor", build.op("neg", low.node(operands[0]))))


@primitive("clamp")
def _clamp(low, equation, operands):
    least, value, most = low.spread(equation, operands)
    return low.builder.op("minimum", low.builder.op("maximum", value, least), most)


@primitive("select_n")
def _select_n(low, equation, operands):
    which, *cases = operands
    if len(cases) != 2:
        raise unsupported(equation, f"a choice among {len(cases)} values", "nest jnp.where")
    shape = equation.outvars[0].aval.shape
    if isinstance(which, Known) and not which.batch:
        chosen = np.asarray(which.array).astype(bool)
        if chosen.all() or not chosen.any():
            picked = cases[1] if chosen.all() else cases[0]
            return [picked] if isinstance(picked, Known) and np.shape(picked.array) == shape else low.builder.full(low.node(picked), shape)
    mask, other, one = low.spread(equation, operands)
    return low.builder.op("select", mask, one, other)


@primitive("copy", "copy_p", "optimization_barrier", "reduce_precision")
def _same(low, equation, operands):
    return [Node(low.node(operand)) for operand in operands]


@primitive("convert_element_type")
def _convert(low, equation, operands):
    value, before, after = low.node(operands[0]), equation.invars[0].aval.dtype, equation.outvars[0].aval.dtype
    if np.issubdtype(before, np.floating) and np.issubdtype(after, np.integer):
        build = low.builder
        size = build.op("floor", build.op("abs", value))
        return build.op("mul", build.op("sign", value), size)
    if np.issubdtype(before, np.floating) and after == bool:
        return low.builder.one_minus(low.builder.op("equal", value, low.builder.like(0.0, value)))
    return value
