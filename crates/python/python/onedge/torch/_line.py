"""What a tuner may ask about a step: numbers of the loss along `w + rate u`, computed on the device and brought to the host together."""

from __future__ import annotations

import contextlib
import dataclasses
import math

import torch

from .._errors import StateError
from ._derivatives import dot, scalars, square

# Which answers are made of which numbers; those beyond slope and |u| are computed ahead at the next step if they were asked for at the one before.
_AHEAD = {
    "previous_cosine": ("previous_dot",),
    "change": ("change_product", "change_square"),
    "distance": ("distance_square",),
    "parameter_norm": ("parameter_square",),
}


@dataclasses.dataclass(frozen=True)
class Report:
    """What a step was: numbers on the host, that were there anyway.

    Attributes:
        step: counted from 0.
        loss: before the step.
        learning_rate: the rate along the update of the base.
        slope: `g . u`; curvature: `u . H u`, or None where it was not measured.
        gradient_norm: `|g|`, after clipping; update_norm: `|u|`.
    """

    step: int
    loss: float
    learning_rate: float
    slope: float
    curvature: float | None
    gradient_norm: float
    update_norm: float


class Line:
    """One step, as `onedge._core.Tuner` asks about it.

    Attributes:
        step, loss, rounding, restarted, previous_learning_rate, edge, full_batch, steps: see there.
        measurable: whether the curvature can be measured at this step; if not it is `along |u|^2`, as it was when it was last measured.
        has_part: whether it is measured on a part of the batch.
        layout: where vectors lie, `_sharded.Whole` or `Shards`; parameters, gradients, updates and states are what this process has of them.
        asked: the names of what was asked for.
        numbers: what is known so far, by name.
    """

    def __init__(self, *, layout, parameters, gradients, updates, states, measure, sharpen, evaluate, known: dict, **attributes):
        self.__dict__.update(attributes)
        self.layout, self.parameters, self.gradients, self.updates, self.states = layout, parameters, gradients, updates, states
        self.measure, self.sharpen, self.evaluate = measure, sharpen, evaluate
        self.numbers = known
        self.asked: set[str] = set()
        self.estimated = False

    def ahead(self, names, curvature: bool) -> None:
        """Brings slope, `|u|` and what else is expected to the host, by one synchronisation."""
        wanted = [part for name in sorted(names) for part in _AHEAD.get(name, ())]
        if self.previous_learning_rate is None:
            wanted = [name for name in wanted if name == "parameter_square"]
        self._bring("slope", "update_square", *wanted, *(["curvature"] if curvature else []))

    def slope(self) -> float:
        return self._number("slope")

    def curvature(self) -> float:
        self.asked.add("curvature")
        if self.measurable or self.along is None:
            return self._number("curvature")
        self.estimated = True
        return self.along * self._number("update_square")

    def part_curvature(self) -> float:
        if not self.has_part:
            raise StateError("curvature_parts: expected a part of the batch, got none; give the step a function that computes the loss of it: step(closure, part=f)")
        return self.curvature()

    def gradient_norm(self) -> float:
        return math.sqrt(self._number("gradient_square"))

    def update_norm(self) -> float:
        return math.sqrt(self._number("update_square"))

    def parameter_norm(self) -> float:
        self.asked.add("parameter_norm")
        return math.sqrt(self._number("parameter_square"))

    def previous_cosine(self) -> float | None:
        self.asked.add("previous_cosine")
        if self.previous_learning_rate is None:
            return None
        norms = self.gradient_norm() * self.previous_update_norm
        return self._number("previous_dot") / norms if norms else 0.0

    def change(self) -> tuple[float, float, float] | None:
        self.asked.add("change")
        if self.previous_learning_rate is None or not any("previous_gradient" in state for state in self.states):
            return None
        rate = self.previous_learning_rate
        distance = rate * self.previous_update_norm
        return distance * distance, rate * self._number("change_product"), self._number("change_square")

    def distance(self) -> float | None:
        self.asked.add("distance")
        if self.previous_learning_rate is None:
            return 0.0
        return math.sqrt(self._number("distance_square"))

    def value(self, rate: float) -> float:
        self.asked.add("value")
        if self.evaluate is None:
            # Asked by `cdat` of its first step alone, for which nothing is known but the quadratic model.
            return self.loss + rate * self.slope() + rate * rate / 2 * abs(self.curvature())
        return self.evaluate(rate, False)[0]

    def trial(self, rate: float) -> tuple[float, float]:
        self.asked.add("trial")
        return self.evaluate(rate, True)

    def sharpness(self) -> tuple[float, bool]:
        self.asked.add("sharpness")
        return self.sharpen()

    def _number(self, name: str) -> float:
        if name not in self.numbers:
            self._bring(name)
        return self.numbers[name]

    def _bring(self, *names: str) -> None:
        missing = [name for name in dict.fromkeys(names) if name not in self.numbers]
        if not missing:
            return
        tensors = {name: self._tensor(name) for name in missing}
        # A curvature is that of all processes already.
        parts = [name for name in missing if name != "curvature"]
        if parts:
            tensors.update(zip(parts, self.layout.totals(*(tensors[name] for name in parts))))
        self.numbers.update(zip(missing, scalars(*tensors.values())))

    def _tensor(self, name: str) -> torch.Tensor:
        if name == "slope":
            return dot(self.gradients, self.updates)
        if name == "update_square":
            return square(self.updates)
        if name == "curvature":
            return self.measure()
        if name == "parameter_square":
            return square([parameter.detach() for parameter in self.parameters])
        if name == "previous_dot":
            return dot(self.gradients, self._before("previous_update"))
        if name == "distance_square":
            return self._total(lambda parameter, first: square([parameter.detach() - first]), self.parameters, self._before("first_point"))
        changes = lambda g, before: dense_or_zero(g, before) - before
        if name == "change_square":
            return self._total(lambda g, before: square([changes(g, before)]), self.gradients, self._before("previous_gradient"))
        updates = self._before("previous_update")
        pairs = zip(self.gradients, self._before("previous_gradient"), updates)
        return self._sum([dot([changes(g, before)], [update]) for g, before, update in pairs if before is not None and update is not None])

    def _before(self, name: str) -> list:
        return [state.get(name) for state in self.states]

    def _total(self, of, tensors, others):
        return self._sum([of(tensor, other) for tensor, other in zip(tensors, others) if other is not None])

    def _sum(self, parts):
        if not parts:
            return torch.zeros((), device=self.parameters[0].device)
        return torch.stack([part.to(parts[0].device) for part in parts]).sum()


def dense_or_zero(gradient, like: torch.Tensor) -> torch.Tensor:
    """A gradient as a dense tensor, zeros where there is none."""
    if gradient is None:
        return torch.zeros_like(like)
    return gradient if gradient.layout is torch.strided else gradient.to_dense()


@contextlib.contextmanager
def moved(parameters, to):
    """With other values of the parameters. Their graphs of before stay valid: the values are exchanged, not written over."""
    values = [parameter.data for parameter in parameters]
    try:
        for parameter, value in zip(parameters, to):
            parameter.data = value
        yield
    finally:
        for parameter, value in zip(parameters, values):
            parameter.data = value


@contextlib.contextmanager
def undisturbed(parameters, generators=None):
    """What a forward pass within draws are the numbers of `generators`, if given, and neither generators nor buffers of modules are left changed by it."""
    devices = sorted({parameter.device.index or 0 for parameter in parameters if parameter.device.type == "cuda"})
    kept = {}

    def keep(module, _):
        for buffer in module._buffers.values():
            if buffer is not None and id(buffer) not in kept:
                kept[id(buffer)] = (buffer, buffer.detach().clone())

    handle = torch.nn.modules.module.register_module_forward_pre_hook(keep)
    try:
        with torch.random.fork_rng(devices):
            if generators is not None:
                restore(generators)
            yield
    finally:
        handle.remove()
        with torch.no_grad():
            for buffer, value in kept.values():
                buffer.copy_(value)


def drawn(parameters) -> list:
    """The states of the generators that a forward pass draws from."""
    devices = sorted({parameter.device.index or 0 for parameter in parameters if parameter.device.type == "cuda"})
    return [("cpu", torch.get_rng_state()), *((device, torch.cuda.get_rng_state(device)) for device in devices)]


def restore(generators) -> None:
    """Puts them back."""
    for device, state in generators:
        torch.set_rng_state(state) if device == "cpu" else torch.cuda.set_rng_state(state, device)
