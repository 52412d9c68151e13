"""Primitives that take each element alone."""

import math

import jax
import numpy as np

from ._lowering import Known, Node, fixed, unsupported
from ._table import primitive


def _unary(name, op):
    primitive(name)(lambda low, equation, operands: low.builder.op(op, low.node(operands[0])))


def _binary(name, op):
    primitive(name)(lambda low, equation, operands: low.builder.op(op, *low.spread(equation, operands)))


for _name, _op in {
    "exp": "exp",
    "expm1": "expm1",
    "log1p": "log1p",
    "tanh": "tanh",
    "sin": "sin",
    "cos": "cos",
    "neg": "neg",
    "logistic": "sigmoid",
    "sqrt": "sqrt",
    "sign": "sign",
    "floor": "floor",
    "stop_gradient": "detach",
}.items():
    _unary(_name, _op)

for _name, _op in {
    "add_any": "add",
    "gt": "greater",
    "eq": "equal",
}.items():
    _binary(_name, _op)


for _name in ("log", "add", "sub"):
    primitive(_name)(lambda low, equation, operands: low.patterns.op(equation.primitive.name, *low.spread(equation, operands)))


def _scalar(operand):
    """A fixed operand that is one number, or None."""
    if fixed(operand) and np.ndim(operand.array) == 0:
        return float(operand.array)
    return None


@primitive("mul")
def _mul(low, equation, operands):
    for one, other in (operands, operands[::-1]):
        number = _scalar(one)
        if number is not None:
            return low.builder.scale(low.node(other), number)
    return low.builder.op("mul", *low.spread(equation, operands))


@primitive("div")
def _div(low, equation, operands):
    build, number = low.builder, _scalar(operands[1])
    whole = np.issubdtype(equation.outvars[0].aval.dtype, np.integer)
    if number and not whole and math.isfinite(1.0 / number):
        return build.scale(low.node(operands[0]), 1.0 / number)
    ratio = low.patterns.op("div", *low.spread(equation, operands))
    return truncated(build, ratio) if whole else ratio


def truncated(build, value):
    """Towards zero."""
    return build.op("mul", build.op("sign", value), build.op("floor", build.op("abs", value)))


@primitive("max", "min")
def _max(low, equation, operands):
    build, shape, name = low.builder, equation.outvars[0].aval.shape, equation.primitive.name
    for one, other in (operands, operands[::-1]):
        if fixed(one) and np.all(np.asarray(one.array) == (-np.inf if name == "max" else np.inf)):
            return build.full(low.node(other), shape)
    a, b = low.spread(equation, operands)
    return balanced(build, name, a, b)


def balanced(build, name, a, b):
    """The larger or smaller of the two; where they are equal the derivative is half of each one's, as in JAX."""
    first = build.scale(build.op("sign", build.op("sub", a, b)), 0.5 if name == "max" else -0.5)
    half = build.like(0.5, a)
    return build.op("add", build.op("mul", build.op("add", half, first), a), build.op("mul", build.op("sub", half, first), b))


@primitive("and", "or")
def _and(low, equation, operands):
    if equation.outvars[0].aval.dtype != bool:
        raise unsupported(equation, f"`{equation.primitive.name}` of whole numbers that depend on parameters", "use arithmetic, or data alone")
    return low.builder.op("mul" if equation.primitive.name == "and" else "maximum", *low.spread(equation, operands))


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


@primitive("xor")
def _xor(low, equation, operands):
    if equation.outvars[0].aval.dtype != bool:
        raise unsupported(equation, "`xor` of whole numbers that depend on parameters", "use arithmetic, or data alone")
    build = low.builder
    return build.one_minus(build.op("equal", *low.spread(equation, operands)))


@primitive("abs")
def _abs(low, equation, operands):
    # With the derivative 1 at 0, as in JAX.
    build, value = low.builder, low.node(operands[0])
    side = build.op("sign", build.op("add", build.op("sign", value), build.like(0.5, value)))
    return build.op("mul", side, value)


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
    build, (base, exponent) = low.builder, operands
    shape = equation.outvars[0].aval.shape
    if fixed(exponent):
        powers = np.broadcast_to(np.asarray(exponent.array, float), shape)
        different = np.unique(powers)
        if len(different) <= 8:
            # One power for each exponent, and a choice by masks, so that a negative base is as good as any.
            value = build.full(low.node(base), shape)
            result = build.op("power", value, exponent=float(different[0])) if len(different) else value
            for power in different[1:]:
                mask = build.known(powers == power)
                # Where it is not chosen the base is 1, so that nothing infinite is multiplied by 0.
                tame = build.op("select", mask, value, build.like(1.0, value))
                result = build.op("select", mask, build.op("power", tame, exponent=float(power)), result)
            return result
    positive = fixed(base) and np.all(np.asarray(base.array) > 0)
    if not positive:
        low.note("`pow` with an exponent that is an array is exp(b log a), for positive a alone")
    logarithm = build.known(np.log(np.asarray(base.array, float))) if positive else build.op("log", low.node(base))
    return build.op("exp", build.op("mul", build.full(low.node(exponent), shape), build.full(logarithm, shape)))


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
    build = low.builder
    if isinstance(operands[0], Known) and isinstance(operands[2], Known):
        return build.op("minimum", build.op("maximum", value, least), most)
    # At a bound the derivative is 0, also that of the bound.
    held = build.op("select", build.op("greater", value, most), most, build.op("detach", value))
    held = build.op("select", build.op("greater", least, value), least, held)
    inside = build.op("mul", build.op("greater", value, least), build.op("greater", most, value))
    return build.op("select", inside, value, held)


@primitive("select_n")
def _select_n(low, equation, operands):
    which, *cases = operands
    shape, build = equation.outvars[0].aval.shape, low.builder
    if fixed(which):
        numbers = np.asarray(which.array).astype(int)
        if numbers.size and (numbers == numbers.flat[0]).all():
            picked = cases[numbers.flat[0]]
            return [picked] if isinstance(picked, Known) and np.shape(picked.array) == shape else build.full(low.node(picked), shape)
        masks = [build.full(build.known(numbers == case), shape) for case in range(1, len(cases))]
    elif len(cases) == 2:
        masks = [build.full(low.node(which), shape)]
    else:
        number = build.full(low.node(which), shape)
        masks = [build.op("equal", number, build.like(case, number)) for case in range(1, len(cases))]
    value, *others = (build.full(low.node(case), shape) for case in cases)
    for mask, other in zip(masks, others):
        value = build.op("select", mask, other, value)
    return value


@primitive("copy", "copy_p", "optimization_barrier", "device_put", "name", "sharding_constraint", "layout_constraint", "pvary", "reshard", "mesh_cast")
def _same(low, equation, operands):
    return [Node(low.node(operand)) for operand in operands]


@primitive("reduce_precision")
def _reduce_precision(low, equation, operands):
    params = equation.params
    low.note(f"rounding to {params['exponent_bits']} and {params['mantissa_bits']} bits is not done: all is in {low.builder.dtype}")
    return low.node(operands[0])


@primitive("convert_element_type")
def _convert(low, equation, operands):
    value, before, after = low.node(operands[0]), equation.invars[0].aval.dtype, equation.outvars[0].aval.dtype
    if jax.numpy.issubdtype(before, np.floating) and np.issubdtype(after, np.integer):
        return truncated(low.builder, value)
    if after == bool and before != bool:
        return low.builder.one_minus(low.builder.op("equal", value, low.builder.like(0.0, value)))
    if np.issubdtype(after, np.complexfloating):
        raise unsupported(equation, "complex numbers of parameters", "write real and imaginary part apart")
    if jax.numpy.issubdtype(after, np.floating) and np.dtype(after).itemsize < low.builder.dtype.itemsize:
        low.note(f"casts to {after} are not done: all is in {low.builder.dtype}")
    return value
