"""What the front doors to frameworks have in common: from a loss of theirs and a batch to an objective.

A front door is a `Door`. It lowers the loss on some batch to a graph, value by value, and says which arrays the graph reads: what belongs to the batch, and
what does not. The same lowering on another batch must lead to the same graph; then only the arrays are taken of it, and nothing is planned anew.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from . import _core
from ._arguments import choice, is_number, is_whole, shown
from ._builder import Builder, Differs, Replay
from ._errors import ArgumentError, Error, InternalError, UnsupportedError
from ._explanation import Explanation
from ._objective import Objective
from ._parts import choose

# So many parts are gathered one by one, the first time.
FEW_PARTS = 4
MODES = ("auto", "mean", "whole")


@dataclasses.dataclass(frozen=True, eq=False)
class Known:
    """A value that does not depend on the parameters; whether it does on the batch."""

    array: object
    batch: bool = False


@dataclasses.dataclass(frozen=True)
class Node:
    """A value of the graph."""

    value: int


@dataclasses.dataclass
class Lowered:
    """A loss on one batch as a graph."""

    builder: Builder
    parameters: list[int]
    loss: int
    # What the model says of the batch, if that is told.
    outputs: int | None
    notes: list[str]
    # What was computed of neither parameters nor batch, for the next time.
    memo: list


class Door:
    """A loss of a framework.

    A front door gives what raises `NotImplementedError` here.
    """

    precision: np.dtype
    tree: tuple
    # The class of its objectives.
    kind: type[Objective] = Objective

    def lower(self, batch, builder: Builder, memo: list | None, survey: list[str] | None = None) -> Lowered:
        """The loss on `batch`, built by `builder`, with the `memo` of an earlier lowering. With a `survey` what is not supported is added to it, and
        the lowering goes on."""
        raise NotImplementedError

    def examples(self, batch) -> tuple[int | None, str]:
        """How many examples a batch has along the first axis of all its arrays; if that cannot be said, why."""
        raise NotImplementedError

    def part(self, batch, start: int, stop: int):
        """Those examples of a batch."""
        raise NotImplementedError

    def scrambled(self, batch, draws: np.random.Generator):
        """A batch of other values that are as legal as those of this one."""
        raise NotImplementedError

    def shapes(self, batch):
        """The form, shapes and kinds of a batch, to be compared."""
        raise NotImplementedError

    def fields(self, recipe: Recipe, batch) -> list:
        """The arrays of the batch that the recipe reads."""
        replay = Replay(recipe.lowered.builder)
        self.lower(batch, replay, recipe.lowered.memo)
        return replay.finish()

    def gathered(self, recipe: Recipe, batch) -> list | None:
        """The same for all parts at once, each array with the parts as its first axis, if the framework has a faster way."""
        return None

    def start(self) -> np.ndarray:
        """The parameters that the objective was made with, flat."""
        raise NotImplementedError

    def names(self) -> list[str] | None:
        """The names of the tensors of the parameters, no two alike; None where they have none."""
        return None


class Recipe:
    """How a batch is computed: in one piece, or in parts of one size whose mean it is."""

    def __init__(self, door: Door, lowered: Lowered, parts: int, examples: int | None):
        self.door, self.lowered, self.parts, self.examples = door, lowered, parts, examples
        self._asked = 0
        # What a door keeps to gather arrays faster.
        self.gather = None

    @classmethod
    def of(cls, door: Door, batch, parts: int, examples: int | None) -> Recipe:
        """That of the first part which all others can follow."""
        for part in _cut(door, batch, parts, examples):
            recipe = cls(door, door.lower(part, Builder(door.precision), None), parts, examples)
            if parts == 1:
                return recipe
            try:
                recipe.arrays(batch)
                return recipe
            except Differs:
                continue
        raise Differs("no part of the batch leads to the graph of all")

    def arrays(self, batch) -> list[np.ndarray]:
        """The values of the fields of a batch, flat, all parts one after the other."""
        self._asked += 1
        if self._asked > 1 or self.parts > FEW_PARTS:
            gathered = self.door.gathered(self, batch)
            if gathered is not None:
                return [_flat(array, self.door.precision) for array in gathered]
        found = [self.door.fields(self, part) for part in _cut(self.door, batch, self.parts, self.examples)]
        flat = [[_flat(array, self.door.precision) for array in part] for part in found]
        return flat[0] if self.parts == 1 else [np.concatenate(of_field) for of_field in zip(*flat)]

    def plan(self, batch, *, l2: float, threads: int, memory_bytes: int) -> _core.Objective:
        """The objective on this batch."""
        low, build = self.lowered, self.lowered.builder
        own = [value for value, batch_ in zip(build.fields, build.of_batch) if batch_]
        shared = [(value, array) for value, array, batch_ in zip(build.fields, build.arrays, build.of_batch) if not batch_]
        arrays = self.arrays(batch) + [_flat(array, self.door.precision) for _, array in shared]
        return _core.Objective.plan(
            build.graph,
            low.parameters,
            own + [value for value, _ in shared],
            low.loss,
            arrays,
            outputs=low.outputs,
            parts=self.parts,
            shared=len(shared),
            double=self.door.precision == np.float64,
            l2=l2,
            threads=threads,
            lanes=threads,
            memory_bytes=memory_bytes,
        )


def _cut(door: Door, batch, parts: int, examples: int | None):
    """The parts of a batch, one by one."""
    if parts == 1:
        return (batch,)
    size = examples // parts
    return (door.part(batch, start, start + size) for start in range(0, examples, size))


def _flat(array, precision) -> np.ndarray:
    """An array as the engine reads it: what is infinite, as in masks, is the largest number."""
    flat = np.ascontiguousarray(np.asarray(array, precision)).reshape(-1)
    if np.isinf(flat).any():
        limit = np.finfo(precision).max
        flat = np.clip(flat, -limit, limit)
    return flat


def make(door: Door, batch, *, mode: str, l2: float, threads: int | None, memory_bytes: int | None) -> Objective:
    """The objective of a door's loss on a batch."""
    options = _options(mode, l2, threads, memory_bytes)
    recipe, core, why = _planned(door, batch, mode, options)
    objective = door.kind(core, door.tree, recipe.lowered.notes, _Batches(recipe, core, options, batch, mode), why)
    shapes = [recipe.lowered.builder.shape(value) for value in recipe.lowered.parameters]
    names = door.names() or [f"parameters.{place}" for place in range(len(shapes))]
    objective._layout = list(zip(names, shapes))
    return objective


def _options(mode, l2, threads, memory_bytes) -> dict:
    choice("mode", mode, MODES)
    if not is_number(l2) or l2 < 0:
        raise ArgumentError(f"l2: expected a number, 0 or more, got {shown(l2)}")
    cores = _core.cores()
    for name, value in (("threads", threads), ("memory_bytes", memory_bytes)):
        if value is not None and not (is_whole(value) and 1 <= value < 2**63):
            raise ArgumentError(f"{name}: expected a whole number, 1 or more, got {shown(value)}")
    threads = cores if threads is None else min(int(threads), 4 * cores)
    return {"l2": float(l2), "threads": threads, "memory_bytes": 2 << 30 if memory_bytes is None else int(memory_bytes)}


def _planned(door: Door, batch, mode: str, options: dict) -> tuple[Recipe, _core.Objective, str]:
    """How to compute this batch, planned, and why so."""
    examples, problem = (None, "the loss has no batch") if batch is None else door.examples(batch)
    if examples == 0:
        raise ArgumentError("batch: expected at least one example, got arrays of none")
    if mode == "mean" and examples is None:
        raise ArgumentError(f'mode: expected "auto" or "whole", got "mean", but {problem}')
    whole = Recipe.of(door, batch, 1, examples)

    def as_a_whole(why: str, core=None):
        return whole, core or whole.plan(batch, **options), why

    if mode == "whole":
        return as_a_whole("it was asked for")
    if examples is None:
        return as_a_whole(problem)
    parts = choose(whole.lowered.builder, examples, options["threads"], door.precision.itemsize)
    if parts == 1:
        return as_a_whole("the batch is small enough for one piece")
    try:
        recipe = Recipe.of(door, batch, parts, examples)
    except Error as error:
        if mode == "mean":
            raise
        return as_a_whole(f"a part of it cannot be taken alone: {error}")
    except Differs:
        if mode == "mean":
            raise ArgumentError('mode: expected "auto" or "whole", got "mean", but parts of the batch lead to different graphs') from None
        return as_a_whole("parts of the batch lead to different graphs")
    told = f"{parts} parts of {examples // parts}"
    if mode == "mean":
        return recipe, recipe.plan(batch, **options), f"a mean over examples, as you say: {told}"
    trial = _Trial(door, batch, whole, recipe, options)
    apart = trial.apart()
    if apart is not None:
        return as_a_whole(apart, trial.whole_core(batch))
    core = trial.cores[1]
    core.replace(recipe.arrays(batch), parts)
    return recipe, core, f"a mean over examples, as loss and gradient of parts agree with those of the batch: {told}"


class _Trial:
    """Two parts of a batch, and both as a whole: whether the loss of the whole is the mean of theirs."""

    def __init__(self, door: Door, batch, whole: Recipe, recipe: Recipe, options: dict):
        self.door, self.size, self.options = door, recipe.examples // recipe.parts, options
        self.two = door.part(batch, 0, 2 * self.size)
        self.is_all = recipe.parts == 2
        self.whole = whole
        self.halves = Recipe(door, recipe.lowered, 2, 2 * self.size)
        self.cores: list = []

    def whole_core(self, batch):
        """The plan of the whole batch, if that is what was tried."""
        if not self.is_all or not self.cores:
            return None
        self.cores[0].replace(self.whole.arrays(batch))
        return self.cores[0]

    def apart(self) -> str | None:
        """Why it is not, if it is not: by loss and gradient on this batch and on one of other values, as weights that happen to be equal here need not be
        in the next."""
        try:
            if not self.is_all:
                self.whole = Recipe.of(self.door, self.two, 1, 2 * self.size)
            for recipe in (self.whole, self.halves):
                self.cores.append(recipe.plan(self.two, **self.options))
            draws = np.random.default_rng(0)
            w = self.door.start().astype(self.door.precision)
            w = w + (0.02 * draws.standard_normal(w.shape) * (np.abs(w).mean() + 0.01)).astype(self.door.precision)
            return self._differ(w) or self._differ(w, self.door.scrambled(self.two, draws))
        except Differs:
            return "parts of the batch lead to different graphs"
        except (InternalError, UnsupportedError):
            raise
        except Error as error:
            return f"whether it is a mean over examples could not be tried: {error}"

    def _differ(self, w, values=None) -> str | None:
        """Whether loss and gradient differ, the L2 term aside."""
        found, l2 = [], self.options["l2"]
        for recipe, core in zip((self.whole, self.halves), self.cores):
            if values is not None:
                core.replace(recipe.arrays(values))
            loss, gradient = core.linearize(w)
            found.append((loss - 0.5 * l2 * float(np.dot(w.astype(np.float64), w)), gradient - self.door.precision.type(l2) * w))
        (loss, gradient), (mean, mean_gradient) = found
        near = 1e-9 if self.door.precision == np.float64 else 2e-4
        if abs(loss - mean) <= near * max(abs(loss), abs(mean)) and not _far(gradient, mean_gradient, 20 * near):
            return None
        if mean and abs(loss / mean - 2) < 1e-3:
            return "the loss is a sum over examples; a mean of them could be taken in parts"
        return "the loss ties examples together: that of two parts is not the mean of theirs"


def _far(one, other, near) -> bool:
    scale = max(float(np.abs(one).max(initial=0)), float(np.abs(other).max(initial=0)))
    return bool(float(np.abs(one - other).max(initial=0)) > near * scale)


class _Batches:
    """The batch of an objective, which others may replace."""

    def __init__(self, recipe: Recipe, core: _core.Objective, options: dict, batch, mode: str):
        self.recipe, self.core, self.options, self.mode = recipe, core, options, mode
        self.shapes = recipe.door.shapes(batch)
        # As it was given, and what it is in single examples, once somebody asks.
        self.batch, self.alone = batch, None

    @property
    def parts(self) -> int:
        return self.recipe.parts

    def replace(self, batch):
        got = self.recipe.door.shapes(batch)
        if got != self.shapes:
            raise ArgumentError(f"batch: expected one like that which the objective was made with, {self.shapes}, got {got}; make an objective of it")
        try:
            arrays = self.recipe.arrays(batch)
        except Differs:
            # The values of this batch lead to another graph: rare, and planned anew.
            self.recipe = Recipe.of(self.recipe.door, batch, self.recipe.parts, self.recipe.examples)
            self.core.adopt(self.recipe.plan(batch, **self.options))
        else:
            self.core.replace(arrays)
        self.close()
        self.batch = batch

    def singles(self) -> _core.Objective | str:
        """The batch in single examples; or why it cannot be had so."""
        from ._singles import singles

        if self.alone is None or not isinstance(self.alone, str) and self.alone.is_closed:
            self.alone = singles(self.recipe.door, self.batch, self.mode, self.options)
        return self.alone

    def close(self):
        """Frees what is kept beside the objective."""
        if self.alone is not None and not isinstance(self.alone, str):
            self.alone.close()
        self.alone = None


def explain(door: Door, batch, *, mode: str) -> Explanation:
    """What the door's loss on a batch becomes."""
    options = _options(mode, 0.0, None, None)
    survey: list[str] = []
    try:
        door.lower(batch, Builder(door.precision), None, survey)
    except UnsupportedError as error:
        survey.append(str(error))
    if survey:
        return Explanation(False, list(dict.fromkeys(survey)), 1, "", door.start().size, 0, (0, 0), [])
    recipe, core, why = _planned(door, batch, mode, options)
    core.close()
    build = recipe.lowered.builder
    own = sum(build.of_batch)
    fields = (own, len(build.of_batch) - own)
    return Explanation(True, [], recipe.parts, why, door.start().size, len(build), fields, list(recipe.lowered.notes))
