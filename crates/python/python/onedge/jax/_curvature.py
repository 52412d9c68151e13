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

from .._arguments import shown
from .._errors import ArgumentError
from ._equations import Forbidden, Shared, carried, equations
from ._scan import Scanned
from ._second import along


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
        if not flat or not all(jnp.issubdtype(jnp.result_type(leaf), jnp.floating) for leaf in flat):
            kinds = sorted({str(jnp.result_type(leaf)) for leaf in flat}) or "an empty tree"
            raise ArgumentError(f"params: expected a tree of floating-point arrays, got {shown(kinds)}; close over what does not train")
        of_flat = lambda flat: loss(jax.tree.unflatten(structure, flat), *batch)
        traced = jax.make_jaxpr(of_flat)(flat)
        if len(traced.out_avals) != 1 or traced.out_avals[0].shape != ():
            raise ArgumentError(f"loss: expected one number, got {', '.join(map(str, traced.out_avals))}; return the mean, and metrics elsewhere")
        try:
            sweep = _Sweep(traced, flat)
        except Forbidden:
            _say_once("the loss has a custom_vjp, which has no tangents forward: its curvature is taken by jvp of grad, at a higher price; use custom_jvp")
            value, gradient = jax.value_and_grad(of_flat)(flat)

            def curvature(u):
                tangents = _like(flat, structure, u)
                product = jax.jvp(jax.grad(of_flat), (flat,), (tangents,))[1]
                return sum(jnp.vdot(a, b) for a, b in zip(product, tangents))
        except Shared:
            # Tangents know nothing of how adjoints are shared out.
            value, gradient = jax.value_and_grad(of_flat)(flat)

            def curvature(u):
                tangents = _like(flat, structure, u)
                along = lambda *flat: jax.jvp(of_flat, (list(flat),), (tangents,))[1]
                return jax.jvp(along, tuple(flat), tuple(tangents))[1]
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
    """A loss at a point: the values and adjoints of all equations, and the tangent sweep. What else the traced function gives out must be what its loss is made of."""

    def __init__(self, traced, flat):
        inputs = [("value", number) for number in range(len(flat))]
        self.steps, loss, self.others = equations(traced, inputs)
        self.carried = carried(self.steps, loss)
        self.inputs, self.values = inputs, dict(zip(inputs, flat))
        self.scans, backs = {}, []
        for number, step in enumerate(self.steps):
            operands = self._operands(step)
            if step.bent and step.equation.primitive.name == "scan":
                scanned = self.scans[number] = Scanned(step, operands)
                results, back = scanned.results, scanned.back
            elif step.active:
                active, back, others = jax.vjp(step.of_moved(operands), *(operands[place] for place in step.moved), has_aux=True)
                active, others = iter(active), iter(others)
                results = [next(active) if place in step.active else next(others) for place in range(len(step.results))]
            else:
                results, back = step.apply(operands), None
            backs.append(back)
            self.values.update(zip(step.results, results))
        moves = loss[0] == "value"
        self.value = self.values[loss] if moves else jnp.asarray(loss[1])
        self.adjoints = {loss: jnp.ones_like(self.value)} if moves else {}
        for step, back in zip(reversed(self.steps), reversed(backs)):
            if back is not None:
                found = back([self.adjoints[step.results[place]] for place in step.active])
                for place, adjoint in zip(step.moved, found):
                    name = step.operands[place]
                    self.adjoints[name] = self.adjoints[name] + adjoint if name in self.adjoints else adjoint
        self.gradient = [self.adjoints[name] if name in self.adjoints else jnp.zeros_like(value) for name, value in zip(inputs, flat)]

    def curvature(self, tangents):
        """`u . H u`, the tangents of the parameters being u."""
        return self.along(tangents)[0]

    def along(self, tangents):
        """`u . H u`, and the tangents of what else is given out, None for zero.

        An acceleration goes on through elementwise equations, and meets the adjoint before any other.
        """
        velocities, accelerations = dict(zip(self.inputs, tangents)), {}
        precision = jnp.result_type(self.value, jnp.float32)
        total = jnp.zeros((), precision)
        for number, step in enumerate(self.steps):
            if not step.active:
                continue
            here = [[found.get(operand) if place in step.moved else None for place, operand in enumerate(step.operands)] for found in (velocities, accelerations)]
            if number in self.scans:
                found, bend = self.scans[number].along(_Sweep, here[0])
                velocities.update((step.results[place], velocity) for place, velocity in zip(step.active, found))
                total = total + bend.astype(precision)
                continue
            results = [self.values[result] for result in step.results]
            for place, velocity, acceleration in zip(step.active, *along(step, self._operands(step), results, *here)):
                name = step.results[place]
                velocities[name] = velocity
                if acceleration is None:
                    continue
                if name in self.carried:
                    accelerations[name] = acceleration
                else:
                    total = total + _contracted(self.adjoints[name].astype(precision), acceleration.astype(precision))
        return total, [velocities.get(name) for name in self.others]

    def _operands(self, step):
        return [self.values[name] if name[0] == "value" else name[1] for name in step.operands]


def _contracted(adjoint, acceleration):
    """Their dot product. XLA's reductions on the CPU take in all elementwise work before them, and are slow at it; what seems to round, and does not, keeps it out."""
    info = jnp.finfo(adjoint.dtype)
    return jnp.sum(jax.lax.reduce_precision(adjoint * acceleration, info.nexp, info.nmant))
