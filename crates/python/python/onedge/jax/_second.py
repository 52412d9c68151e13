"""First and second derivatives of an equation along one direction.

Along a path with velocity `dx` and acceleration `ddx` the results of an equation have the velocity `D f[dx]` and the acceleration `D^2 f[dx, dx] + D f[ddx]`. They are
written out for the primitives that models are made of, each from the results that are there already; for every other one they are the jvp of its jvp.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from ._equations import Step

# A product is polarised where it saves so many multiplications for each element that is read or written beyond.
WORTH_POLARISING = 24


def along(step: Step, values: list, results: list, velocities: list, accelerations: list) -> tuple[list, list]:
    """Velocities and accelerations of the active results, None for an acceleration of zero.

    Args:
        values: the operands; results: all results of the equation there.
        velocities, accelerations: of the operands, None where there is none. Accelerations come only to equations that carry them.
    """
    name = step.equation.primitive.name
    if step.bent and name in RULES:
        push, bend = RULES[name](step.equation.params, values, results[0], velocities)
        if any(one is not None for one in accelerations):
            pushed = push(accelerations)
            bend = pushed if bend is None else bend + pushed
        return [push(velocities)], [bend]
    if step.bent and name in PRODUCTS:
        velocity, bend = PRODUCTS[name](step.equation.params, values, results[0], velocities)
        return [velocity], [bend]
    function = lambda *moved: step.of_moved(values)(*moved)[0]
    at, direction = tuple(values[place] for place in step.moved), tuple(velocities[place] for place in step.moved)
    if step.bent:
        return jax.jvp(lambda *moved: jax.jvp(function, moved, direction)[1], at, direction)
    push = lambda *tangents: jax.jvp(function, at, tangents)[1]
    if all(one is None for one in accelerations):
        return push(*direction), [None] * len(step.active)
    filled = [jnp.zeros_like(velocities[place]) if accelerations[place] is None else accelerations[place] for place in step.moved]
    return push(*direction), push(*filled)


# Of an elementwise function: `(params, operands, result, velocities)` gives the derivative, a linear map of tangents of the operands, and the second one along the velocities.
RULES = {}


def of_one(name):
    """A rule of a function of one variable: `(params, x, y, dx)` gives `f'` and `f'' dx^2`."""

    def enter(function):
        def rule(params, values, y, velocities):
            slope, bend = function(params, values[0], y, velocities[0])
            return (lambda tangents: slope * tangents[0]), bend

        RULES[name] = rule
        return rule

    return enter


@of_one("exp")
def _(params, x, y, dx):
    return y, y * dx * dx


@of_one("exp2")
def _(params, x, y, dx):
    slope = math.log(2) * y
    return slope, math.log(2) * slope * dx * dx


@of_one("expm1")
def _(params, x, y, dx):
    return y + 1, (y + 1) * dx * dx


@of_one("log")
def _(params, x, y, dx):
    slope = 1 / x
    return slope, -((slope * dx) ** 2)


@of_one("log1p")
def _(params, x, y, dx):
    slope = 1 / (1 + x)
    return slope, -((slope * dx) ** 2)


@of_one("tanh")
def _(params, x, y, dx):
    slope = 1 - y * y
    return slope, -2 * y * slope * dx * dx


@of_one("logistic")
def _(params, x, y, dx):
    slope = y * (1 - y)
    return slope, (1 - 2 * y) * slope * dx * dx


@of_one("sqrt")
def _(params, x, y, dx):
    slope = 0.5 / y
    return slope, -((slope * dx) ** 2) / y


@of_one("rsqrt")
def _(params, x, y, dx):
    slope = -0.5 * y / x
    return slope, -1.5 * slope * dx * dx / x


@of_one("square")
def _(params, x, y, dx):
    return 2 * x, 2 * dx * dx


@of_one("integer_pow")
def _(params, x, y, dx):
    n = params["y"]
    if n in (0, 1):
        return jnp.full_like(x, n), None
    power = lambda k: jax.lax.integer_pow(x, k)
    return n * power(n - 1), n * (n - 1) * power(n - 2) * dx * dx


@of_one("sin")
def _(params, x, y, dx):
    return jnp.cos(x), -y * dx * dx


@of_one("cos")
def _(params, x, y, dx):
    return -jnp.sin(x), -y * dx * dx


@of_one("erf")
def _(params, x, y, dx):
    slope = 2 / math.sqrt(math.pi) * jnp.exp(-x * x)
    return slope, -2 * x * slope * dx * dx


def _div(params, values, y, velocities):
    def push(tangents):
        above, below = tangents
        if below is None:
            return above / values[1]
        return (-y * below if above is None else above - y * below) / values[1]

    return push, None if velocities[1] is None else -2 * push(velocities) * velocities[1] / values[1]


def _mul(params, values, y, velocities):
    (a, b), (da, db) = values, velocities

    def push(tangents):
        one, other = tangents
        if one is None or other is None:
            return a * other if one is None else one * b
        return one * b + a * other

    return push, None if da is None or db is None else 2 * da * db


RULES["div"], RULES["mul"] = _div, _mul


def _dot_general(params, values, y, velocities):
    (contracted, _), _ = params["dimension_numbers"]
    length = math.prod(values[0].shape[axis] for axis in contracted)
    return _product(lambda a, b: jax.lax.dot_general_p.bind(a, b, **params), values, y, velocities, length)


def _convolution(params, values, y, velocities):
    kernel = params["dimension_numbers"].rhs_spec
    length = values[1].size // values[1].shape[kernel[0]]
    return _product(lambda a, b: jax.lax.conv_general_dilated_p.bind(a, b, **params), values, y, velocities, length)


# Of a product of which both factors move: `(params, operands, result, velocities)` gives velocity and acceleration.
PRODUCTS = {"dot_general": _dot_general, "conv_general_dilated": _convolution}


def _product(product, values, y, velocities, length):
    """Two products instead of three.

    With `S = da . db` and any s, `(da + a/s) . (b + s db) = T + s S + y/s`, T being the tangent `da . b + a . db`. With `s = |b| / |db|` nothing is lost but what T itself
    loses in rounding.
    """
    (a, b), (da, db) = values, velocities
    both = product(da, db)
    swapped = b.size > a.size
    small, small_along = (a, da) if swapped else (b, db)
    work, moved = y.size * length, a.size + b.size + 3 * small.size + 2 * y.size
    if work < WORTH_POLARISING * moved or any(jnp.finfo(x.dtype).bits < 32 for x in (a, b, y)):
        return product(da, b) + product(a, db), 2 * both
    s = _step(small, small_along)
    polarised = product(a + s * da, db + b / s) if swapped else product(da + a / s, b + s * db)
    return polarised - s * both - y / s, 2 * both


def _step(x, dx):
    """The power of two next to `|x| / |dx|`; where x is zero, one that makes the elements of s dx about 1; where dx is zero, or anything is not finite, 1."""
    size, along = jnp.sum(jnp.abs(x)), jnp.sum(jnp.abs(dx))
    exponent = jnp.round(jnp.log2(jnp.where(size == 0, x.size, size)) - jnp.log2(along))
    most = jnp.finfo(x.dtype).maxexp // 2
    return jnp.where(jnp.isfinite(exponent), jnp.exp2(jnp.clip(exponent, -most, most)), 1).astype(x.dtype)
