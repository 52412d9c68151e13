"""From an exported program to a graph of the engine.

What does not depend on the parameters is computed by PyTorch and enters as data; all else is lowered, operator by operator, by the functions of the
table. Nothing here differentiates.
"""

from __future__ import annotations

import operator as python_operator

import numpy as np
import torch
from torch.fx.node import map_aggregate
from torch.utils._pytree import tree_leaves

from .._builder import Differs
from .._errors import ArgumentError, Error, UnsupportedError
from ._lines import line_of
from ._table import TABLE, Refused, Wrong
from ._values import Known, Value, broadcast

# The largest whole number up to which single precision has all of them.
MOST_PLACES = 2**24

# What they give depends on the shape of their first operand alone.
BY_SHAPE = {
    "zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like", "randint_like", "new_zeros", "new_ones", "new_full", "new_empty",
    "sym_size", "sym_numel", "uniform", "normal_functional", "exponential",
}  # fmt: skip

# They leave memory as it was. It is written over later, value by value, but may hold NaN until then.
UNSET = {"empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided", "empty_permuted"}


class Missing:
    """A result that onedge does not compute, such as the places of maxima; an error once it is used."""

    def __init__(self, what, hint):
        self.what, self.hint = what, hint


class Lowering:
    """A graph under construction from an exported program.

    What follows from the batch is written down, so that another batch can `follow`: of that alone the arrays are gathered again.
    """

    def __init__(self, build, compute, survey=None):
        self.build, self.compute = build, compute
        self.notes: list[str] = []
        self._survey = survey
        # The node that is being lowered.
        self.current = None
        # By what was kept: the tensor, so that its id stays its own; what was made of it; and after how many steps of the script.
        self._kept = {}
        # The nodes that the batch leads to other arrays of: whether PyTorch computes them, their steps, and the form of their results.
        self._trail: list[tuple] = []
        self._env: dict = {}
        # While another batch follows: what was kept of it, and the step at which the node began.
        self._anew, self._begun = None, 0
        # Whether the last node gave a number that follows from the batch.
        self._number = False

    def note(self, text: str):
        if text not in self.notes:
            self.notes.append(text)

    def shared(self, tensor) -> Known:
        """A tensor that belongs to neither parameters nor batch."""
        return Known(tensor.detach().to(self.compute) if tensor.dtype in FLOATS else tensor.detach())

    def _keep(self, key, tensor, make):
        """What is made of a tensor, once."""
        kept = self._kept if self._anew is None else self._anew
        found = kept.get(key)
        if found is None and self._anew is not None:
            found = self._kept.get(key)
            if found is not None and found[2] >= self._begun:
                found = None
        if found is None:
            steps = len(self.build.script)
            found = kept[key] = (tensor, make(), steps)
        return found[1]

    # Operands

    def value(self, operand) -> Value:
        """An operand as a value of the graph."""
        if isinstance(operand, Value):
            return operand
        if isinstance(operand, Known):
            return Value(self, self.field(operand, range(operand.tensor.dim())))
        return Value(self, self.build.constant(operand))

    def field(self, known: Known, order) -> int:
        """What is known, with axis `i` at place `order[i]`."""
        order = tuple(order)
        axes = sorted(range(len(order)), key=lambda axis: order[axis])
        return self._keep((id(known.tensor), order), known.tensor, lambda: self.array(known.tensor.permute(axes), known.batch))

    def array(self, tensor, batch) -> int:
        """A tensor as an array of the graph."""
        if tensor.is_complex():
            raise Refused("a complex number", "write real and imaginary parts as two tensors")
        array = tensor.detach().to(torch.float64 if self.build.dtype == np.float64 else torch.float32)
        return self.build.known(array.numpy(), batch)

    def places(self, places, rows) -> int:
        """Whole numbers below `rows` as a field that ops read as indices."""
        self.check_places(rows)
        return self.build.field(np.asarray(places))

    def check_places(self, rows):
        if rows > MOST_PLACES and self.build.dtype == np.float32:
            raise Refused(f"indices into {rows} rows in single precision", 'use dtype="f64"')

    # Elementwise work on several values

    def aligned(self, *operands):
        """The operands as arrays of one shape and one order of axes, and that order."""
        shape = broadcast(*operands)
        values = [operand for operand in operands if isinstance(operand, Value)]
        lead = max(values, key=lambda value: (value.shape == shape, np.prod(value.shape)))
        extra = len(shape) - lead.rank
        order = (*range(extra), *(extra + place for place in lead.order))
        held = [0] * len(shape)
        for axis, place in enumerate(order):
            held[place] = shape[axis]
        arrays = []
        for operand in operands:
            if isinstance(operand, Value):
                array = operand.view((1,) * (len(shape) - operand.rank) + operand.shape).laid(order)
            elif isinstance(operand, Known):
                tensor = operand.tensor
                if tensor.dim() < len(shape):
                    flat = operand.tensor
                    wide = (1,) * (len(shape) - flat.dim()) + tuple(flat.shape)
                    tensor = self._keep((id(flat), len(shape)), flat, lambda flat=flat, wide=wide: flat.reshape(wide))
                array = self.field(Known(tensor, operand.batch), order)
            else:
                array = self.build.constant(operand, held)
            arrays.append(self.build.full(array, held))
        return arrays, order

    def elementwise(self, name, *operands) -> Value:
        arrays, order = self.aligned(*operands)
        return Value(self, self.build.op(name, *arrays), order)

    binary = elementwise

    def where(self, mask, one, other) -> Value:
        return self.elementwise("select", mask, one, other)

    # Programs

    def run(self, program, values):
        """The values of the loss and of the outputs, given those of the placeholders."""
        env = self._env = dict(values)
        for node in program.nodes:
            start, fields = len(self.build.script), sum(self.build.of_batch)
            env[node] = self._step(node)
            form = self._form(env[node])
            if form is not None or sum(self.build.of_batch) > fields:
                self._trail.append((node, start, len(self.build.script), form))
        return env[program.loss], None if program.outputs is None else env[program.outputs]

    def _step(self, node):
        env = self._env
        args, kwargs = map_aggregate((node.args, node.kwargs), lambda leaf: env[leaf] if isinstance(leaf, torch.fx.Node) else leaf)
        try:
            return self.call(node, args, kwargs)
        except Refused as refused:
            sentence = f"{line_of(node) or 'the loss'}: {refused.what} is not supported; {refused.hint}"
            if self._survey is None:
                raise UnsupportedError(sentence) from None
            self._survey.append(sentence)
            return map_aggregate(node.meta["val"], lambda leaf: self._stand_in(leaf))
        except Wrong as wrong:
            raise ArgumentError(f"{line_of(node) or 'the loss'}: {wrong}") from None
        finally:
            self.build.from_batch = False

    def follow(self, values, replay) -> list:
        """The arrays of another batch, given the values of its placeholders."""
        first, self.build, self._anew = self.build, replay, {}
        try:
            self._env.update(values)
            for node, start, stop, form in self._trail:
                self._begun = start
                replay.seek(start)
                self._env[node] = self._step(node)
                if self._form(self._env[node]) != form or replay.place != stop:
                    raise Differs(f"{node.target} of another form")
            return replay.gathered
        finally:
            self.build, self._anew, self._begun = first, None, 0

    def _stand_in(self, traced):
        return Value(self, self.build.input(tuple(int(n) for n in traced.shape))) if isinstance(traced, torch.Tensor) else traced

    def call(self, node, args, kwargs):
        self.current, self._number, target = node, False, node.target
        if target is python_operator.getitem:
            return args[0][args[1]]
        name = str(target).removeprefix("aten.")
        if name in WITH_STATISTICS and args[5]:
            # In training they are written, not read: those of a layer that was called before are not needed.
            args = [None if isinstance(arg, Missing) and place in (3, 4) else arg for place, arg in enumerate(args)]
        leaves = tree_leaves((args, kwargs))
        for leaf in leaves:
            if isinstance(leaf, Missing):
                raise Refused(leaf.what, leaf.hint)
        batch = any(isinstance(leaf, Known) and leaf.batch for leaf in leaves)
        if not any(isinstance(leaf, Value) for leaf in leaves):
            return self.known(target, args, kwargs, batch)
        if name.split(".")[0] in BY_SHAPE and isinstance(args[0], Value):
            return self.known(target, (Known(self.blank(args[0].shape)), *args[1:]), kwargs, batch)
        lower = TABLE.get(name)
        if lower is None:
            raise Refused(f"the operator `{name}` of parameters", "write it with supported ones, or compute it from data alone")
        self.build.from_batch = batch
        try:
            return lower(self, *args, **kwargs)
        except (TypeError, AttributeError, ValueError, IndexError) as error:
            if isinstance(error, Error):
                raise
            raise Refused(f"the operator `{name}` in this form ({error})", "please report it, and write it in another way") from error

    def blank(self, shape):
        """Ones in the shape and strides of the first operand, as random numbers are drawn in the order of the memory."""
        first = self.current.args[0]
        traced = first.meta.get("val") if isinstance(first, torch.fx.Node) else None
        if isinstance(traced, torch.Tensor) and tuple(traced.shape) == tuple(shape):
            return torch.empty_strided(tuple(shape), traced.stride(), dtype=self.compute).fill_(1)
        return torch.ones(tuple(shape), dtype=self.compute)

    def known(self, target, args, kwargs, batch):
        """What PyTorch computes."""
        return self._computed(target, args, kwargs, batch or torch.Tag.nondeterministic_seeded in getattr(target, "tags", ()))

    def _computed(self, target, args, kwargs, batch):
        args, kwargs = map_aggregate((args, kwargs), lambda leaf: leaf.tensor if isinstance(leaf, Known) else leaf)
        if kwargs.get("dtype") in FLOATS:
            kwargs = {**kwargs, "dtype": self.compute}
        try:
            result = target(*args, **kwargs)
        except (RuntimeError, IndexError, TypeError) as error:
            told = (str(error).strip().splitlines() or [""])[0]
            raise ArgumentError(f"{line_of(self.current) or 'the loss'}: PyTorch cannot compute `{target}` on this batch: {told}") from error
        if str(target).removeprefix("aten.").split(".")[0] in UNSET:
            result.zero_()
        self._number = batch and isinstance(result, (int, float))
        return map_aggregate(result, lambda leaf: Known(leaf, batch) if isinstance(leaf, torch.Tensor) else leaf)

    def _form(self, result):
        """What all batches must have in common: numbers, and the shapes of what follows from the batch; None if nothing does."""
        return [result] if self._number else _shapes(result)


def _shapes(result):
    leaves = result if isinstance(result, (list, tuple)) else [result]
    told = [tuple(leaf.tensor.shape) if isinstance(leaf, Known) and leaf.batch else None for leaf in leaves]
    return told if any(form is not None for form in told) else None


# Batch norms, of which the arguments 3 and 4 are running statistics and 5 is whether they are written.
WITH_STATISTICS = {"_native_batch_norm_legit_functional.default", "_native_batch_norm_legit.default"}
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
