"""The curvature of a scan: one sweep over its body, which meets the adjoint of each turn.

As one equation a scan would have the jvp of its jvp, in which accelerations go from turn to turn. With the adjoints of what a turn hands on, `u . H u` is a sum over
turns of that of `adjoint . body`, and only velocities go on.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.extend import core as jex

from ._equations import Step


class Scanned:
    """A scan at a point.

    Attributes:
        results: all of them.
    """

    def __init__(self, step: Step, values: list):
        params = step.equation.params
        self.step, self.values, self.body = step, values, jex.jaxpr_as_fun(params["jaxpr"])
        self.kept, self.carries = params["num_consts"], params["num_carry"]
        self.options = {key: params[key] for key in ("length", "reverse", "unroll")}
        start = self._parts(values)[1]
        self.floats = [place for place, value in enumerate(start) if jnp.issubdtype(jnp.result_type(value), jnp.floating)]
        # The adjoint of what is added to a carry is that of the carry.
        none = [jnp.zeros((params["length"], *jnp.shape(start[place])), jnp.result_type(start[place])) for place in self.floats]

        def run(added, *moved):
            consts, carry, inputs = self._parts(self._filled(moved))

            def turn(carry, at):
                inputs, added = at
                results = self._turn(consts, carry, inputs)
                after = results[: self.carries]
                for place, one in zip(self.floats, added):
                    after[place] = after[place] + one
                return after, (results[self.carries :], carry)

            after, (outputs, before) = jax.lax.scan(turn, carry, (inputs, added), **self.options)
            results = [*after, *outputs]
            return [results[place] for place in step.active], (results, before)

        _, self._back, (self.results, self.before) = jax.vjp(run, none, *(values[place] for place in step.moved), has_aux=True)

    def back(self, adjoints: list) -> list:
        """The adjoints of the operands that move, from those of the active results."""
        self.handed, *others = self._back(adjoints)
        self.given = dict(zip(self.step.active, adjoints))
        return others

    def along(self, sweep, velocities: list) -> tuple[list, jax.Array]:
        """The velocities of the active results, and this equation's part of `u . H u`. `sweep` is the class that takes a traced function apart."""
        consts, start, inputs = self._parts(self.values)
        moving_consts, moving_carry, moving_inputs = self._parts([velocity if place in self.step.moved else None for place, velocity in enumerate(velocities)])
        moving = {
            "consts": [place for place, velocity in enumerate(moving_consts) if velocity is not None],
            "inputs": [place for place, velocity in enumerate(moving_inputs) if velocity is not None],
        }
        outputs = [place - self.carries for place in self.step.active if place >= self.carries]
        given = [self.given[place + self.carries] for place in outputs]
        first = [jnp.zeros_like(start[place]) if moving_carry[place] is None else moving_carry[place] for place in self.floats]

        def turn(carry, at):
            inputs, along_inputs, before, handed, given = at
            at_point = [*(consts[place] for place in moving["consts"]), *(before[place] for place in self.floats), *(inputs[place] for place in moving["inputs"])]
            tangents = [*(moving_consts[place] for place in moving["consts"]), *carry, *along_inputs]

            def contracted(flat):
                flat = iter(flat)
                put = lambda values, places: [next(flat) if place in places else value for place, value in enumerate(values)]
                results = self._turn(put(consts, moving["consts"]), put(before, self.floats), put(inputs, moving["inputs"]))
                results = [*(results[place] for place in self.floats), *(results[self.carries + place] for place in outputs)]
                total = sum(_dot(adjoint, result) for adjoint, result in zip([*handed, *given], results))
                return total, results

            found = sweep(jax.make_jaxpr(contracted)(at_point), at_point)
            bend, along = found.along(tangents)
            along = [jnp.zeros_like(like) if one is None else one.astype(like.dtype) for one, like in zip(along, [*carry, *given])]
            return along[: len(self.floats)], (along[len(self.floats) :], bend)

        streams = inputs, [moving_inputs[place] for place in moving["inputs"]], self.before, self.handed, given
        last, (along_outputs, bends) = jax.lax.scan(turn, first, streams, **self.options)
        by_place = {**dict(zip(self.floats, last)), **{self.carries + place: one for place, one in zip(outputs, along_outputs)}}
        return [by_place[place] for place in self.step.active], bends.sum()

    def _turn(self, consts, carry, inputs):
        with self.step.equation.ctx.manager:
            return list(self.body(*consts, *carry, *inputs))

    def _parts(self, operands):
        ends = self.kept, self.kept + self.carries
        return list(operands[: ends[0]]), list(operands[ends[0] : ends[1]]), list(operands[ends[1] :])

    def _filled(self, moved):
        full = list(self.values)
        for place, value in zip(self.step.moved, moved):
            full[place] = value
        return full


def _dot(adjoint, result):
    precision = jnp.result_type(adjoint, jnp.float32)
    return jnp.sum(adjoint.astype(precision) * result.astype(precision))
