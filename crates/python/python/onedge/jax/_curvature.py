"""The curvature `u . H u` of any JAX function on any device, at the price of the hand-made form.

The loss is a sequence of equations `y_k = f_k(x)`. With tangents `dx` along u and adjoints `a_k` of the loss by `y_k`,

    u . H u = sum_k a_k . D^2 f_k [dx, dx],

so one reverse pass, which the gradient takes anyway, and one sweep of tangents forward are enough: no tangent goes through the reverse pass. Where an equation is
linear in what moves, its term is zero.
"""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex

from .._arguments import shown
from .._errors import ArgumentError

# Linear in all of their operands that move.
LINEAR = {
    "add", "add_any", "sub", "neg", "reshape", "squeeze", "expand_dims", "transpose", "broadcast_in_dim", "reduce_sum", "convert_element_type", "slice", "concatenate",
    "rev", "cumsum", "copy", "copy_p", "real", "imag", "optimization_barrier", "reduce_window_sum", "split", "tile", "stop_gradient", "psum", "sharding_constraint",
}  # fmt: skip
# Linear if the others stay: the places of the operands that may move one at a time.
BILINEAR = {"mul", "dot_general", "conv_general_dilated", "triangular_solve"}
# Linear in the first operand, or in those that are named.
LINEAR_IN = {"div": {0}, "pad": {0, 1}, "gather": {0}, "dynamic_slice": {0}, "dynamic_update_slice": {0, 1}, "scatter-add": {0, 2}, "scatter_add": {0, 2}}
INLINED = {"jit", "pjit", "closed_call", "core_call", "remat", "remat2", "checkpoint"}


class _Forbidden(Exception):
    """A function that says how it is differentiated in reverse only."""


def linearize(loss):
    """The loss with its gradient, and its curvature along any direction at that point.

        value, gradient, curvature = onedge.jax.linearize(loss)(params)
        curvature(u)  # u . H u

    `params` and `u` are trees of arrays of one form. Works under `jit`, `vmap`, `scan` and on every device; what `curvature` costs beyond the gradient is about one
    tangent sweep, half to two thirds of `jax.jvp` of `jax.jvp`. Where the loss has a `custom_vjp`, which has no tangents forward, the curvature is that of
    `jax.jvp` of `jax.grad`, and a warning says so once.
    """
    if not callable(loss):
        raise ArgumentError(f"loss: expected a function, got {shown(loss)}")

    def at(params, *batch):
        flat, structure = jax.tree.flatten(params)
        of_flat = lambda flat: loss(jax.tree.unflatten(structure, flat), *batch)
        traced = jax.make_jaxpr(of_flat)(flat)
        if len(traced.out_avals) != 1 or traced.out_avals[0].shape != ():
            raise ArgumentError(f"loss: expected one number, got {', '.join(map(str, traced.out_avals))}; return the mean, and metrics elsewhere")
        try:
            sweep = _Sweep(traced, flat)
        except _Forbidden as forbidden:
            value, gradient = jax.value_and_grad(of_flat)(flat)
            _say_once(str(forbidden))

            def curvature(u):
                tangents = _like(flat, structure, u)
                product = jax.jvp(jax.grad(of_flat), (flat,), (tangents,))[1]
                return sum(jnp.vdot(a, b) for a, b in zip(product, tangents))
        else:
            value, gradient = sweep.value, sweep.gradient
            curvature = lambda u: sweep.curvature(_like(flat, structure, u))
        return value, jax.tree.unflatten(structure, gradient), curvature

    return at


def curvature(loss):
    """`curvature(loss)(params, u)` is `u . H u`. See `linearize`."""

    def of(params, u, *batch):
        return linearize(loss)(params, *batch)[2](u)

    return of


def _like(flat, structure, u):
    """A direction as tangents of the parameters."""
    leaves, other = jax.tree.flatten(u)
    if other != structure:
        raise ArgumentError(f"u: expected a tree like that of the parameters, {structure}, got {other}")
    for leaf, like in zip(leaves, flat):
        if jnp.shape(leaf) != jnp.shape(like):
            raise ArgumentError(f"u: expected arrays shaped as the parameters, got {jnp.shape(leaf)} for {jnp.shape(like)}")
    return [jnp.asarray(leaf).astype(jnp.asarray(like).dtype) for leaf, like in zip(leaves, flat)]


_SAID: set[str] = set()


def _say_once(text: str):
    if text not in _SAID:
        _SAID.add(text)
        warnings.warn(text, RuntimeWarning, stacklevel=3)


class _Sweep:
    """A loss at a point: the values of all equations, the adjoints of those that bend, and the tangent sweep."""

    def __init__(self, traced, flat):
        self.equations, self.values, self.outputs = [], {}, None
        self._collect(traced.jaxpr, [*traced.consts], list(flat))
        self.parameters = list(range(len(flat)))

    def _collect(self, jaxpr, consts, flat):
        moving, bends = set(), []
        flattened = []
        counter = iter(range(10**9))
        environment = {}

        def read(variable, names):
            return ("literal", variable.val) if isinstance(variable, jex.Literal) else names[variable]

        def inline(jaxpr, names):
            for equation in jaxpr.eqns:
                operands = [read(variable, names) for variable in equation.invars]
                inner = _inner(equation)
                if inner is not None:
                    inside = dict(zip(inner.jaxpr.constvars, (("constant", const) for const in inner.consts)))
                    inside.update(zip(inner.jaxpr.invars, operands))
                    inline(inner.jaxpr, inside)
                    results = [read(variable, inside) for variable in inner.jaxpr.outvars]
                else:
                    results = [("value", next(counter)) for _ in equation.outvars]
                    flattened.append((equation, operands, results))
                names.update(zip(equation.outvars, results))

        names = dict(zip(jaxpr.constvars, (("constant", const) for const in consts)))
        inputs = [("value", next(counter)) for _ in flat]
        names.update(zip(jaxpr.invars, inputs))
        inline(jaxpr, names)
        moving.update(name for _, name in inputs)
        for equation, operands, results in flattened:
            moved = [kind == "value" and name in moving for kind, name in operands]
            if any(moved) and equation.primitive.name != "stop_gradient":
                if "custom_vjp" in equation.primitive.name:
                    raise _Forbidden(
                        "the loss has a custom_vjp, which has no tangents forward: its curvature is taken by jvp of grad, at a higher price; use custom_jvp"
                    )
                moving.update(name for _, name in results)
                if _bends(equation, moved):
                    bends.append(len(environment))
            environment[len(environment)] = (equation, operands, results, moved)
        self.steps = list(environment.values())
        self.inputs = [name for _, name in inputs]
        output = read(jaxpr.outvars[0], names)
        bent = [[place for place, out in enumerate(self.steps[step][0].outvars) if _is_float(out)] for step in bends]
        zeros = [[jnp.zeros(self.steps[step][0].outvars[place].aval.shape, self.steps[step][0].outvars[place].aval.dtype) for place in places] for step, places in zip(bends, bent)]

        def forward(flat, pushes):
            values = dict(zip(self.inputs, flat))
            pushed = dict(zip(bends, pushes))
            for number, (equation, operands, results, _) in enumerate(self.steps):
                found = _evaluate(equation, [_value(values, operand) for operand in operands])
                for place, push in zip(bent[bends.index(number)], pushed[number]) if number in pushed else ():
                    found[place] = found[place] + push
                values.update((name, value) for (_, name), value in zip(results, found))
            return _value(values, output), values

        value, back, values = jax.vjp(forward, list(flat), zeros, has_aux=True)
        gradient, adjoints = back(jnp.ones_like(value))
        self.value, self.gradient, self.values = value, gradient, values
        self.adjoints = {step: dict(zip(places, found)) for step, places, found in zip(bends, bent, adjoints)}

    def curvature(self, tangents):
        """`u . H u`, the tangents of the parameters being u."""
        moving = dict(zip(self.inputs, tangents))
        total = jnp.zeros((), jnp.result_type(self.value))
        for number, (equation, operands, results, moved) in enumerate(self.steps):
            places = [place for place, moves in enumerate(moved) if moves and operands[place][1] in moving]
            if not places or equation.primitive.name == "stop_gradient":
                continue
            values = [_value(self.values, operand) for operand in operands]

            def of_moving(*moved_values):
                full = list(values)
                for place, value in zip(places, moved_values):
                    full[place] = value
                return _evaluate(equation, full)

            at = tuple(values[place] for place in places)
            along = tuple(moving[operands[place][1]] for place in places)
            if number in self.adjoints:
                tangent = lambda *x: jax.jvp(of_moving, x, along)[1]
                first, second = jax.jvp(tangent, at, along)
                for place, adjoint in self.adjoints[number].items():
                    if _is_float_array(second[place]):
                        total = total + jnp.vdot(adjoint, second[place]).astype(total.dtype)
            else:
                first = jax.jvp(of_moving, at, along)[1]
            moving.update((name, value) for (_, name), value in zip(results, first) if _is_float_array(value))
        return total


def _value(values, operand):
    kind, name = operand
    return values[name] if kind == "value" else name


def _evaluate(equation, values) -> list:
    params = equation.primitive.get_bind_params(equation.params)
    # Before JAX 0.10 functions came beside the other parameters.
    functions, params = params if isinstance(params, tuple) else ((), params)
    found = equation.primitive.bind(*functions, *values, **params)
    return list(found) if equation.primitive.multiple_results else [found]


def _inner(equation):
    """What an equation calls, where it can be taken apart."""
    if equation.primitive.name not in INLINED:
        return None
    inner = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
    return inner if hasattr(inner, "consts") else jex.ClosedJaxpr(inner, ())


def _bends(equation, moved) -> bool:
    """Whether an equation is not linear in the operands that move."""
    name, places = equation.primitive.name, {place for place, moves in enumerate(moved) if moves}
    if name in LINEAR:
        return False
    if name in BILINEAR:
        return len(places) > 1
    if name == "select_n":
        return False
    return not places <= LINEAR_IN.get(name, set())


def _is_float(variable) -> bool:
    return jnp.issubdtype(variable.aval.dtype, jnp.floating)


def _is_float_array(value) -> bool:
    return value is not None and jnp.issubdtype(np.result_type(value.dtype) if value.dtype != jax.dtypes.float0 else np.bool_, jnp.floating)
