"""A loss as a list of equations: calls are taken apart, and what carries no derivative from the parameters to the loss is told from what does."""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax.extend import core as jex

# Calls that are taken apart. What is checkpointed stays whole: its inside is not kept, but computed again.
CALLS = {"jit", "pjit", "closed_call", "core_call"}
# Linear in all of their operands that move.
LINEAR = {
    "add", "add_any", "sub", "neg", "reshape", "squeeze", "expand_dims", "transpose", "broadcast_in_dim", "reduce_sum", "slice", "concatenate", "rev", "cumsum", "copy",
    "copy_p", "optimization_barrier", "reduce_window_sum", "split", "tile", "name", "reduce_precision",
}  # fmt: skip
# Linear if the others stay: the places of the operands that may move one at a time.
BILINEAR = {"mul", "dot_general", "conv_general_dilated"}
# Linear in the operands that are named.
LINEAR_IN = {"div": {0}, "pad": {0, 1}, "gather": {0}, "dynamic_slice": {0}, "dynamic_update_slice": {0, 1}, "scatter-add": {0, 2}, "select_n": {1, 2}}
# Bent wherever they move.
BENT = {"exp", "exp2", "log", "log1p", "expm1", "tanh", "logistic", "rsqrt", "sqrt", "square", "integer_pow", "sin", "cos", "erf", "div"}
# Where an acceleration passes at the cost of a few operations on each element.
CARRYING = {*BENT, "mul", "add", "add_any", "sub", "neg", "reduce_sum", "reshape", "squeeze", "expand_dims", "copy", "select_n", "convert_element_type", "max", "min", "custom_jvp_call"}


# What devices tell each other. The reverse pass gives each device its share of an adjoint, or the sum of all, as the way of mapping has it.
COLLECTIVE = {"psum", "psum_invariant", "psum2", "pmax", "pmin", "all_gather", "all_gather_invariant", "all_gather_reduced", "ppermute", "all_to_all", "reduce_scatter", "unreduced_psum"}


class Forbidden(Exception):
    """A function that says how it is differentiated in reverse only."""


class Shared(Exception):
    """A loss in which devices tell each other values that move, or which has a loop over what JAX knows to differ between them."""


@dataclass
class Step:
    """An equation.

    Attributes:
        operands, results: names of values, `("value", n)`, or constants, `("constant", array)`.
        moved: the places of the operands that carry a derivative to the results in `active`.
        active: the places of the results that carry a derivative from the parameters to the loss.
        bent: whether second derivatives may differ from zero.
    """

    equation: object
    operands: list
    results: list
    moved: list = field(default_factory=list)
    active: list = field(default_factory=list)
    bent: bool = False

    def apply(self, values: list) -> list:
        """The results from the operands."""
        equation = self.equation
        params = equation.primitive.get_bind_params(equation.params)
        # Before JAX 0.10 functions came beside the other parameters.
        functions, params = params if isinstance(params, tuple) else ((), params)
        with equation.ctx.manager:
            found = equation.primitive.bind(*functions, *values, **params)
        return list(found) if equation.primitive.multiple_results else [found]

    def of_moved(self, values: list):
        """The active results, and all others, as a function of the operands that move."""

        def function(*moved):
            full = list(values)
            for place, value in zip(self.moved, moved):
                full[place] = value
            results = self.apply(full)
            return [results[place] for place in self.active], [result for place, result in enumerate(results) if place not in self.active]

        return function


def equations(traced, inputs: list) -> tuple[list[Step], object, list]:
    """The equations of a traced loss in their order, the name of the loss, and the names of what else is given out, on which the loss depends. `inputs` are the names of the parameters."""
    steps, counter = [], iter(range(len(inputs), 10**12))

    def read(variable, names):
        return ("constant", variable.val) if isinstance(variable, jex.Literal) else names[variable]

    def inline(jaxpr, names):
        for equation in jaxpr.eqns:
            operands = [read(variable, names) for variable in equation.invars]
            inner = _called(equation)
            if inner is not None:
                inside = dict(zip(inner.jaxpr.constvars, (("constant", const) for const in inner.consts)))
                inside.update(zip(inner.jaxpr.invars, operands))
                inline(inner.jaxpr, inside)
                results = [read(variable, inside) for variable in inner.jaxpr.outvars]
            else:
                results = [("value", next(counter)) for _ in equation.outvars]
                steps.append(Step(equation, operands, results))
            names.update(zip(equation.outvars, results))

    names = dict(zip(traced.jaxpr.constvars, (("constant", const) for const in traced.consts)))
    names.update(zip(traced.jaxpr.invars, inputs))
    inline(traced.jaxpr, names)
    loss, *others = (read(variable, names) for variable in traced.jaxpr.outvars)
    return _active(steps, inputs, loss) if loss[0] == "value" else [], loss, others


def carried(steps: list[Step], loss) -> set:
    """The values of which all uses carry accelerations."""
    used, stopped = set(), set()
    for step in steps:
        for place in step.moved:
            name = step.operands[place]
            used.add(name)
            if not _carries(step, place):
                stopped.add(name)
    return used - stopped - {loss} if used else set()


def _carries(step: Step, place: int) -> bool:
    equation = step.equation
    if equation.primitive.name not in CARRYING or (step.bent and equation.primitive.name not in BENT | {"mul"}):
        return False
    return len(equation.outvars) == 1 and equation.outvars[0].aval.size <= equation.invars[place].aval.size


def _called(equation):
    """What an equation calls, where it can be taken apart."""
    if equation.primitive.name not in CALLS:
        return None
    shardings = (*equation.params.get("in_shardings", ()), *equation.params.get("out_shardings", ()))
    if any("Unspecified" not in type(sharding).__name__ for sharding in shardings):
        return None
    inner = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
    return inner if hasattr(inner, "consts") else jex.ClosedJaxpr(inner, ())


def _active(steps: list[Step], inputs: list, loss) -> list[Step]:
    """The steps that the loss needs, with what carries derivatives in each."""
    moving, flows = {name for name in inputs}, {}
    for number, step in enumerate(steps):
        places = [place for place, operand in enumerate(step.operands) if operand[0] == "value" and operand in moving]
        if places:
            flow, step.bent = _flow(step, places)
            flows[number] = flow
            moving.update(step.results[place] for place in flow)
    needed, carrying, kept = {loss}, {loss} & moving, []
    for number in range(len(steps) - 1, -1, -1):
        step = steps[number]
        if not any(result in needed for result in step.results):
            continue
        kept.append(step)
        needed.update(operand for operand in step.operands if operand[0] == "value")
        flow = flows.get(number, {})
        step.active = [place for place in flow if step.results[place] in carrying]
        moved = set().union(*(flow[place] for place in step.active))
        step.moved = sorted(moved)
        step.bent = step.bent and bool(step.active)
        carrying.update(step.operands[place] for place in step.moved)
    return kept[::-1]


def _flow(step: Step, places: list) -> tuple[dict, bool]:
    """Which operands, of those in `places`, reach each result with a derivative, and whether second derivatives may differ from zero."""
    name, outs = step.equation.primitive.name, step.equation.outvars
    floats = [place for place, out in enumerate(outs) if jnp.issubdtype(out.aval.dtype, jnp.floating)]
    if name == "stop_gradient" or not floats:
        return {}, False
    if name in COLLECTIVE:
        raise Shared
    all_of_them = {place: set(places) for place in floats}
    if name in LINEAR or (name in LINEAR_IN and set(places) <= LINEAR_IN[name]) or (name in BILINEAR and len(places) == 1):
        return all_of_them, False
    if name in BENT or name in BILINEAR:
        return all_of_them, True
    return _traced_flow(step, places, floats)


def _traced_flow(step: Step, places: list, floats: list) -> tuple[dict, bool]:
    """The same of any function, from its tangent as JAX writes it."""
    if step.equation.primitive.name in ("scan", "while") and any(_differs(variable.aval) for variable in step.equation.invars):
        # The carry of a loop must say what differs between the devices of a shard_map, which is lost where it is traced anew.
        raise Shared
    variables = [step.equation.invars[place] for place in places]
    avals = [variable.aval for variable in variables]
    differentiable = [place for place, aval in zip(places, avals) if jnp.issubdtype(aval.dtype, jnp.floating)]
    likes = [jax.ShapeDtypeStruct(variable.aval.shape, variable.aval.dtype) for variable in step.equation.invars]

    def tangent(operands, along):
        def function(*moved):
            full = list(operands)
            for place, value in zip(differentiable, moved):
                full[place] = value
            results = step.apply(full)
            return [results[place] for place in floats]

        return jax.jvp(function, tuple(operands[place] for place in differentiable), tuple(along))[1]

    traced = jax.make_jaxpr(tangent)(likes, [likes[place] for place in differentiable])
    if _has(traced.jaxpr, {"custom_lin"}):
        raise Forbidden
    if _has(traced.jaxpr, COLLECTIVE):
        raise Shared
    count = len(likes)
    tangents = traced.jaxpr.invars[count:]
    reached = [_reached(traced.jaxpr, {variable}) for variable in tangents]
    flow = {place: {at for at, there in zip(differentiable, reached) if number in there} for number, place in enumerate(floats)}
    flow = {place: reaching for place, reaching in flow.items() if reaching}
    bends = _reached(traced.jaxpr, {traced.jaxpr.invars[place] for place in differentiable})
    return flow, any(floats.index(place) in bends for place in flow)


def _differs(aval) -> bool:
    """Whether JAX knows that a value differs between the devices of a `shard_map`; older versions say so elsewhere."""
    return bool(getattr(aval, "vma", None) or getattr(getattr(aval, "mat", None), "varying", None))


def _has(jaxpr, names: set) -> bool:
    """Whether an equation of these names is in it, however deep, but for what is mapped over devices as a whole. As `custom_lin` a custom_vjp leaves its rule in a tangent."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in names:
            return True
        if equation.primitive.name in ("shard_map", "xla_pmap"):
            continue
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns") or hasattr(x, "jaxpr")):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns") and _has(inner, names):
                return True
    return False


def _reached(jaxpr, active: set) -> set:
    """The places of the outputs that depend on `active` other than through whole numbers and comparisons."""
    active = set(active)
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("stop_gradient", "sign", "floor", "ceil", "round"):
            continue
        operands = [variable for variable in equation.invars if not isinstance(variable, jex.Literal)]
        if not any(variable in active for variable in operands):
            continue
        inner = _called(equation)
        if inner is not None:
            inside = {one for one, other in zip(inner.jaxpr.invars, equation.invars) if not isinstance(other, jex.Literal) and other in active}
            places = _reached(inner.jaxpr, inside)
        else:
            places = range(len(equation.outvars))
        active.update(equation.outvars[place] for place in places if jnp.issubdtype(equation.outvars[place].aval.dtype, jnp.inexact))
    return {place for place, variable in enumerate(jaxpr.outvars) if not isinstance(variable, jex.Literal) and variable in active}
