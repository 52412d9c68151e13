"""Loops and choices."""

import dataclasses

import jax
import numpy as np
from jax.extend import core as jex

from .._builder import Differs
from ._cuts import margins
from ._lowering import Known, Node, unsupported
from ._movement import joined
from ._table import primitive

# Beyond so many nodes an unrolled loop takes long to plan.
MOST_STEPS = 2000


@primitive("scan")
def _scan(low, equation, operands):
    params = equation.params
    body, length = params["jaxpr"], params["length"]
    if length > MOST_STEPS:
        raise unsupported(equation, f"a scan of {length} steps, which would be unrolled", f"use {MOST_STEPS} steps or fewer")
    kept, carried = params["num_consts"], params["num_carry"]
    consts, carry, inputs = operands[:kept], operands[kept : kept + carried], operands[kept + carried :]
    step, done = _once(low, body, consts)
    slices = [_all(low, operand, length) for operand in inputs]
    order = range(length - 1, -1, -1) if params["reverse"] else range(length)
    results = [None] * length
    for place in order:
        out = low.run(step, [], [*consts, *carry, *(part[place] for part in slices)], done)
        carry, results[place] = out[:carried], out[carried:]
    return [*carry, *(_stacked(low, [result[i] for result in results]) for i in range(len(params["jaxpr"].out_avals) - carried))]


def _once(low, body, consts):
    """A body that is run many times, with the values in it that are the same each time."""
    jaxpr, done = body.jaxpr, dict(zip(body.jaxpr.constvars, map(Known, body.consts)))
    done.update(zip(jaxpr.invars, consts))
    for equation in low.needed(jaxpr):
        if all(isinstance(v, jex.Literal) or v in done for v in equation.invars):
            operands = [Known(np.asarray(v.val)) if isinstance(v, jex.Literal) else done[v] for v in equation.invars]
            done.update(zip(equation.outvars, low.equation(equation, operands)))
    return jaxpr, done


def _all(low, operand, length):
    """The elements along the first axis."""
    if isinstance(operand, Known):
        array = operand.array
        # Keys of random numbers are no arrays of NumPy.
        array = array if jax.dtypes.issubdtype(array.dtype, jax.dtypes.extended) else np.asarray(array)
        return [dataclasses.replace(operand, array=array[place]) for place in range(length)]
    build = low.builder

    def parts(value, count):
        # In halves, so that the derivative of no element runs through the whole.
        if count == 1:
            return [Node(build.reshape(value, build.shape(value)[1:]))]
        shape, half = build.shape(value), count // 2
        first, second = (build.slice(value, *margins(shape, 0, *ends)) for ends in ((0, half), (half, count)))
        return parts(first, half) + parts(second, count - half)

    return parts(operand.value, length) if length else []


def _stacked(low, values):
    """The values along a new first axis."""
    if all(isinstance(value, Known) for value in values):
        return Known(jax.numpy.stack([value.array for value in values]), any(value.batch for value in values))
    build = low.builder
    parts = [low.node(value) for value in values]
    parts = [build.reshape(part, (1, *build.shape(part))) for part in parts]
    return Node(joined(build, parts, 0))


def _decided(low, operand, decision):
    """A decision that is made by an operand; where another batch leads to another one, another graph is wanted."""
    if operand.batch and low.builder.decided(decision) != decision:
        raise Differs("another branch")
    return decision


@primitive("cond")
def _cond(low, equation, operands):
    which, *arguments = operands
    if isinstance(which, Node):
        raise unsupported(equation, "a branch that depends on parameters", "use jnp.where, which takes both")
    branches = equation.params["branches"]
    branch = branches[_decided(low, which, min(max(int(which.array), 0), len(branches) - 1))]
    return low.run(branch.jaxpr, [Known(const) for const in branch.consts], arguments)


@primitive("while")
def _while(low, equation, operands):
    """A loop whose number of steps does not depend on parameters."""
    params = equation.params
    asked, kept = params["cond_nconsts"], params["body_nconsts"]
    questions, consts, carry = operands[:asked], operands[asked : asked + kept], operands[asked + kept :]
    ask, asked_done = _once(low, params["cond_jaxpr"], questions)
    step, done = _once(low, params["body_jaxpr"], consts)
    for _ in range(MOST_STEPS + 1):
        (goes_on,) = low.run(ask, [], [*questions, *carry], asked_done)
        if isinstance(goes_on, Node):
            raise unsupported(equation, "a while loop that parameters end", "use jax.lax.fori_loop or scan with a fixed number of steps")
        if not _decided(low, goes_on, bool(goes_on.array)):
            return carry
        carry = low.run(step, [], [*consts, *carry], done)
    raise unsupported(equation, f"a loop of more than {MOST_STEPS} steps, which would be unrolled", f"use {MOST_STEPS} steps or fewer")
