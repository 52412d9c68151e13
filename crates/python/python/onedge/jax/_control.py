"""Loops and choices."""

import numpy as np

from ._lowering import Known, Node, unsupported
from ._table import primitive

# Beyond so many nodes an unrolled loop takes long to plan.
MOST_STEPS = 2000


@primitive("scan")
def _scan(low, equation, operands):
    params, build = equation.params, low.builder
    body, length = params["jaxpr"], params["length"]
    if length > MOST_STEPS:
        raise unsupported(equation, f"a scan of {length} steps, which would be unrolled", f"use {MOST_STEPS} steps or fewer")
    kept, carried = params["num_consts"], params["num_carry"]
    consts, carry, inputs = operands[:kept], operands[kept : kept + carried], operands[kept + carried :]
    steps = range(length - 1, -1, -1) if params["reverse"] else range(length)
    results = []
    for step in steps:
        slices = [_at(low, operand, step) for operand in inputs]
        out = low.run(body.jaxpr, [Known(const) for const in body.consts], [*consts, *carry, *slices])
        carry = out[:carried]
        results.append(out[carried:])
    if params["reverse"]:
        results.reverse()
    return [*carry, *(_stacked(low, [result[i] for result in results]) for i in range(len(results[0]) if results else 0))]


def _at(low, operand, step):
    """Element `step` of the first axis."""
    if isinstance(operand, Known):
        return Known(np.asarray(operand.array)[step], operand.batch)
    build, value = low.builder, operand.value
    shape = build.shape(value)
    rest = [0] * (len(shape) - 1)
    part = build.slice(value, [step, *rest], [shape[0] - step - 1, *rest])
    return Node(build.reshape(part, shape[1:]))


def _stacked(low, values):
    """The values along a new first axis."""
    if all(isinstance(value, Known) for value in values):
        return Known(np.stack([np.asarray(value.array) for value in values]), any(value.batch for value in values))
    build = low.builder
    parts = [low.node(value) for value in values]
    parts = [build.reshape(part, (1, *build.shape(part))) for part in parts]
    while len(parts) > 1:
        pairs = [parts[i : i + 2] for i in range(0, len(parts), 2)]
        parts = [build.op("concat", *pair, axes=[0]) if len(pair) == 2 else pair[0] for pair in pairs]
    return Node(parts[0])


@primitive("cond")
def _cond(low, equation, operands):
    which, *arguments = operands
    if isinstance(which, Node):
        raise unsupported(equation, "a branch that depends on parameters", "use jnp.where, which takes both")
    branch = equation.params["branches"][int(which.array)]
    return low.run(branch.jaxpr, [Known(const) for const in branch.consts], arguments)


@primitive("while")
def _while(low, equation, operands):
    raise unsupported(equation, "a while loop over parameters", "use jax.lax.fori_loop or scan with a fixed number of steps")
