"""From a jaxpr to a graph of the engine.

What does not depend on the parameters is computed by JAX and enters as data; all else is lowered, primitive by primitive, by the functions
of the table. Nothing here differentiates.
"""

from __future__ import annotations

import os
import sys

import jax
import numpy as np
from jax.extend import core as jex

from .._builder import Builder
from .._errors import UnsupportedError
from .._front import Known, Node
from ._known import computed
from ._softmax import Patterns
from ._table import REFUSED, TABLE

CALLS = {"jit", "pjit", "closed_call", "core_call", "call", "composite", "custom_vmap_call", "remat", "remat2", "checkpoint"}


def fixed(operand) -> bool:
    """Whether the values of an operand may decide how something is lowered."""
    return isinstance(operand, Known) and not operand.batch


class Lowering:
    """A graph under construction from jaxprs.

    What is computed of neither parameters nor batch is kept in `memo`, in order, so that another batch need not compute it again.
    """

    def __init__(self, builder: Builder, memo: list | None = None, survey: list[str] | None = None):
        self.builder = builder
        self.notes: list[str] = []
        self.memo: list = [] if memo is None else memo
        self._remembered = None if memo is None else iter(memo)
        self._survey = survey
        # How often what is lowered will be differentiated.
        self.order = 2
        self.patterns = Patterns(self.builder)
        # The equations of each jaxpr that count.
        self._live: dict[int, tuple] = {}
        self._fields: dict[int, tuple[object, int]] = {}

    def node(self, operand) -> int:
        """An operand as a value of the graph."""
        if isinstance(operand, Node):
            return operand.value
        # Arrays of the batch may be the same by chance; what is shared is so for good. What is kept keeps its id.
        key = operand if operand.batch else operand.array
        if id(key) not in self._fields:
            self._fields[id(key)] = (key, self.builder.known(operand.array, operand.batch))
        return self._fields[id(key)][1]

    def spread(self, equation, operands) -> list[int]:
        """The operands, all in the shape of the result."""
        shape = equation.outvars[0].aval.shape
        return [self.builder.full(self.node(operand), shape) for operand in operands]

    def data(self, array) -> int:
        """An array that was computed from known operands of the equation that is being lowered."""
        return self.builder.known(array, self.builder.from_batch)

    def note(self, text: str):
        if text not in self.notes:
            self.notes.append(text)

    def run(self, jaxpr, consts, arguments, done=None):
        """The results of a jaxpr, some of whose values may be `done` already."""
        values = dict(done or ())

        def read(variable):
            return Known(np.asarray(variable.val)) if isinstance(variable, jex.Literal) else values[variable]

        values.update(zip(jaxpr.constvars, consts))
        values.update(zip(jaxpr.invars, arguments))
        for equation in self.needed(jaxpr):
            if done and equation.outvars[0] in done:
                continue
            operands = [read(variable) for variable in equation.invars]
            results = self.equation(equation, operands)
            self.builder.from_batch = False
            for variable, result in zip(equation.outvars, results):
                if isinstance(result, Node) and self.builder.shape(result.value) != variable.aval.shape:
                    raise AssertionError(f"{equation.primitive.name}: {self.builder.shape(result.value)} is not {variable.aval.shape}")
                values[variable] = result
        return [read(variable) for variable in jaxpr.outvars]

    def needed(self, jaxpr):
        """The equations that the results depend on."""
        if id(jaxpr) not in self._live:
            live, equations = {v for v in jaxpr.outvars if not isinstance(v, jex.Literal)}, []
            for equation in reversed(jaxpr.eqns):
                if not live.isdisjoint(equation.outvars):
                    equations.append(equation)
                    live.update(v for v in equation.invars if not isinstance(v, jex.Literal))
            self._live[id(jaxpr)] = jaxpr, equations[::-1]
        return self._live[id(jaxpr)][1]

    def through(self, equation, function, operands):
        """The results of a function of JAX that stands for the equation."""
        like = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in equation.invars]
        traced = jax.make_jaxpr(function)(*like)
        return self.run(traced.jaxpr, [Known(const) for const in traced.consts], operands)

    def equation(self, equation, operands):
        """The results of one equation."""
        try:
            return self._equation(equation, operands)
        except _Refused as refused:
            # Inside functions of libraries, which are traced once, no line of the user's is known; the call has one.
            if refused.line is None:
                refused.line = line_of(equation)
            if self._survey is None or refused.line is None:
                raise
            self._survey.append(str(refused.error()))
            return [Node(self.builder.input(out.aval.shape)) for out in equation.outvars]

    def _equation(self, equation, operands):
        name = equation.primitive.name
        known = all(isinstance(operand, Known) for operand in operands)
        if name in CALLS:
            inner = inner_jaxpr(equation)
            consts = [Known(const) for const in inner.consts]
            return self.run(inner.jaxpr, consts, operands[len(operands) - len(inner.jaxpr.invars) :])
        if known and not name.startswith(("custom_jvp", "custom_vjp")):
            return self._compute(equation, operands)
        lower = TABLE.get(name)
        if lower is None:
            if name in REFUSED:
                raise unsupported(equation, *REFUSED[name])
            raise unsupported(equation, f"the primitive `{name}` of parameters", "write it with supported ones, or compute it from data alone")
        self.builder.from_batch = any(isinstance(operand, Known) and operand.batch for operand in operands)
        results = lower(self, equation, operands)
        return results if isinstance(results, list) else [Node(results)]

    def _compute(self, equation, operands):
        """The results of an equation of known operands, by JAX."""
        batch = any(operand.batch for operand in operands)
        if not batch and self._remembered is not None:
            return next(self._remembered)
        results = computed(equation, operands)
        if results is None:
            results = equation.primitive.bind(*[operand.array for operand in operands], **equation.params)
        results = [Known(result, batch) for result in (results if equation.primitive.multiple_results else [results])]
        if not batch:
            self.memo.append(results)
        return results


def inner_jaxpr(equation):
    """The closed jaxpr that an equation calls."""
    for key in ("jaxpr", "call_jaxpr", "fun_jaxpr", "call"):
        inner = equation.params.get(key)
        if inner is not None:
            return inner if hasattr(inner, "consts") else jex.ClosedJaxpr(inner, ())
    raise unsupported(equation, f"the call `{equation.primitive.name}`", "please report it")


class _Refused(Exception):
    """A construct that cannot be lowered, until its line is known."""

    def __init__(self, what: str, hint: str, line: str | None):
        super().__init__(what)
        self.what, self.hint, self.line = what, hint, line

    def error(self) -> UnsupportedError:
        return UnsupportedError(f"{self.line or 'the loss'}: {self.what} is not supported; {self.hint}")


def unsupported(equation, what: str, hint: str) -> _Refused:
    """The exception for a construct that cannot be lowered, with a way out."""
    return _Refused(what, hint, line_of(equation))


def line_of(equation) -> str | None:
    """The user's line that made an equation, if it is known."""
    source = equation.source_info.traceback
    places = tuple(_libraries())
    for frame in list(source.frames) if source is not None else []:
        if not frame.file_name.startswith(places):
            return f"{frame.file_name}:{frame.line_num}"
    return None


LIBRARIES = ("jax", "jaxlib", "flax", "haiku", "equinox", "optax", "chex", "jaxtyping", "einops", "distrax", "onedge")


def _libraries():
    """Where the libraries lie whose lines are not the user's."""
    yield "<"
    for name in LIBRARIES:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file:
            yield os.path.dirname(file) + os.sep
    yield os.path.dirname(os.__file__) + os.sep + "contextlib"
    yield os.path.dirname(os.__file__) + os.sep + "functools"
