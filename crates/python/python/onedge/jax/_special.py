"""Functions that are made of others, written in JAX and lowered as any loss is."""

import functools
import math

import jax
import jax.numpy as jnp

from ._table import primitive

lax = jax.lax


def composed(*names, note=None):
    """Registers a function of JAX under the names of the primitives that it equals."""

    def register(function):
        def lower(low, equation, operands):
            if note is not None:
                low.note(note)
            return low.through(equation, function, operands)

        primitive(*names)(lower)
        return function

    return register


@composed("sinh")
def _sinh(x):
    return 0.5 * (jnp.expm1(x) - jnp.expm1(-x))


@composed("cosh")
def _cosh(x):
    return 0.5 * (jnp.exp(x) + jnp.exp(-x))


@composed("tan")
def _tan(x):
    return jnp.sin(x) / jnp.cos(x)


@composed("exp2")
def _exp2(x):
    return jnp.exp(math.log(2.0) * x)


@composed("cbrt")
def _cbrt(x):
    return jnp.sign(x) * jnp.abs(x) ** (1.0 / 3.0)


@composed("asinh")
def _asinh(x):
    # Of the absolute value, whose derivative at 0 is 1 here.
    mask = x >= 0
    size = jnp.where(mask, x, -x)
    return jnp.where(mask, 1.0, -1.0).astype(x.dtype) * jnp.log1p(size + size * (size / (1.0 + jnp.sqrt(size * size + 1.0))))


@composed("acosh")
def _acosh(x):
    above = x - 1.0
    return jnp.log1p(above + jnp.sqrt(above * (x + 1.0)))


@composed("atanh")
def _atanh(x):
    return 0.5 * (jnp.log1p(x) - jnp.log1p(-x))


@composed("atan")
def _atan(x):
    return _atan2(x, jnp.ones_like(x))


@composed("asin")
def _asin(x):
    return _atan2(x, jnp.sqrt((1.0 - x) * (1.0 + x)))


@composed("acos")
def _acos(x):
    return _atan2(jnp.sqrt((1.0 - x) * (1.0 + x)), x)


@composed("atan2")
def _atan2(y, x):
    """By an angle that is a number at the point, and the rule of the derivative around it."""
    y, x = jnp.broadcast_arrays(y, x)
    return _angle(y, x)


@jax.custom_jvp
def _angle(y, x):
    # The angle of the vector's first eighth, halved twice; then the series, whose argument is at most tan(pi / 16).
    size_y, size_x = jnp.abs(y), jnp.abs(x)
    steep = size_y > size_x
    below, above = jnp.where(steep, size_x, size_y), jnp.where(steep, size_y, size_x)
    t = below / jnp.where(above == 0, 1.0, above)
    for _ in range(2):
        t = t / (1.0 + jnp.sqrt(1.0 + t * t))
    square, series = t * t, 0.0
    for k in range(11, -1, -1):
        series = series * square + (-1.0) ** k / (2 * k + 1)
    angle = 4.0 * t * series
    angle = jnp.where(steep, 0.5 * math.pi - angle, angle)
    angle = jnp.where(x < 0, math.pi - angle, angle)
    return jnp.where(y < 0, -angle, angle)


@_angle.defjvp
def _angle_rule(points, steps):
    (y, x), (dy, dx) = points, steps
    square = x * x + y * y
    return _angle(y, x), dy * (x / square) + dx * (-y / square)


POSITIVE = "`lgamma` and `digamma` are for positive arguments alone"


@composed("lgamma", note=POSITIVE)
def _lgamma(x):
    """Stirling's series at x + 8, and back by the recurrence."""
    far, product = x + 8.0, x + 1.0
    for k in range(2, 8):
        product = product * (x + k)
    inverse = 1.0 / far
    square = inverse * inverse
    series = 0.0
    for coefficient in (43867 / 244188, -3617 / 122400, 1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12):
        series = series * square + coefficient
    return (far - 0.5) * jnp.log(far) - far + 0.5 * math.log(2 * math.pi) + series * inverse - jnp.log(x) - jnp.log(product)


@composed("digamma", note=POSITIVE)
def _digamma(x):
    return jax.jvp(_lgamma, (x,), (jnp.ones_like(x),))[1]


@composed("logaddexp")
def _logaddexp(a, b):
    return jnp.logaddexp(a, b)


@primitive("rem")
def _rem(low, equation, operands):
    def function(x, y):
        ratio = lax.stop_gradient(x / y)
        return x - y * (jnp.sign(ratio) * jnp.floor(jnp.abs(ratio)))

    return low.through(equation, function, operands)


@primitive("cumprod", "cummax", "cummin", "cumlogsumexp")
def _cumulative(low, equation, operands):
    params, name = equation.params, equation.primitive.name
    combine = {"cumprod": lax.mul, "cummax": lax.max, "cummin": lax.min, "cumlogsumexp": jnp.logaddexp}[name]
    # As JAX differentiates it.
    scan = functools.partial(lax.associative_scan, combine, axis=params["axis"], reverse=bool(params["reverse"]))
    return low.through(equation, scan, operands)


@primitive("argmax", "argmin")
def _argmax(low, equation, operands):
    """A whole number, which no derivative flows through: the first place of the largest element."""
    (axis,), sign = equation.params["axes"], 1.0 if equation.primitive.name == "argmax" else -1.0

    def function(x):
        x = sign * lax.stop_gradient(x)
        places = lax.broadcasted_iota(x.dtype, x.shape, axis)
        return jnp.min(jnp.where(x == x.max(axis, keepdims=True), places, float(x.shape[axis])), axis)

    return low.through(equation, function, operands)


@primitive("debug_callback", "debug_print")
def _debug(low, equation, operands):
    low.note("printing from inside of the loss is left out")
    return []
