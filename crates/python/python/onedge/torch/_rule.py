"""The tuner of the catalogue that sets the rates, and what can be known beforehand of its questions."""

from __future__ import annotations

from collections.abc import Mapping

from .._arguments import shown
from .._choices import Choice, core, entries, section
from .._errors import ArgumentError, Error, UnsupportedError


# A curvature costs two gradients more here, and about one in the engine, where `cdat` measures every 8 steps.
EVERY = 16
# At so many steps the recommended `cdat` looks where a step leads before it takes it, and halves it so many times at most.
TRIED, HALVINGS = 32, 10
# What a loss of one's own, of which only its value is given, does not tell; by the question.
UNKNOWN = {
    "gauss_newton_curvature": "the outputs of the model, of which the Gauss-Newton matrix is made",
    "over_signs": "products of the Hessian with random vectors",
    "batch_line": "the gradient of one mini-batch beside that of the step",
}


class Rule:
    """A tuner by name, with settings and state.

    Attributes:
        core: the tuner itself.
        asks: the names of what it asks for along the way; see `Line`.
        needs: what is to be kept for it.
        tried: at so many steps, the first excepted, of which the tuner looks itself, the loss is tried out where they lead.
        every: the curvature is measured every so many steps, where the tuner has no such setting of its own, else 1.
    """

    def __init__(self, tuner, every, tried, settings: dict):
        given = section("tuner", tuner)
        name = given.pop("name", None)
        if not isinstance(name, str):
            raise ArgumentError(f'tuner: expected a name, {{"name": ..., settings}} or onedge.tuner(...), got {shown(tuner)}')
        self.name = name
        self.settings = {**given, **settings}
        known = entries("tuner")
        self.every = 1
        if every is None and name == "cdat" and self.settings.get("preset", "recommended") == "recommended":
            every = self.settings.get("every", EVERY)
        if every is not None:
            if isinstance(every, bool) or not isinstance(every, int) or every < 1:
                raise ArgumentError(f"every: expected a whole number, 1 or more, got {shown(every)}")
            if name in known and "every" in known[name].settings:
                self.settings["every"] = every
            else:
                self.every = every
        recommended = name == "cdat" and self.settings.get("preset", "recommended") == "recommended"
        if tried is not None and (isinstance(tried, bool) or not isinstance(tried, int) or tried < 0):
            raise ArgumentError(f"tried: expected a whole number, 0 or more, got {shown(tried)}")
        if tried and not recommended:
            raise ArgumentError(f"tried: expected none with the tuner `{name}`{' of the paper' if name == 'cdat' else ''}, got {tried}; leave it out, or take `cdat` as it is recommended")
        self.tried = (TRIED if tried is None else tried) if recommended else 0
        self.core = self.make()
        self.needs = self.core.needs()
        self.asks = self._foreseen()
        for question in sorted(self.asks & UNKNOWN.keys()):
            raise UnsupportedError(
                f"tuner: `{name}` asks for {UNKNOWN[question]}, which is not measured in loops of one's own; take `cdat` or `sharpness`, or train with "
                "onedge.train(onedge.torch.objective(...), ...)"
            )

    def make(self):
        """A new one, in its first state."""
        return core("Tuner")(self.name, self.settings)

    def expects_curvature(self, step: int) -> bool:
        return self.core.expects_curvature(step) and step % self.every == 0

    def tries(self, step: int) -> bool:
        return 0 < step < self.tried

    def shortened(self, line, rate: float) -> float:
        """A rate, halved until the loss where it leads is not above both the loss here and what slope and curvature say of it. The tuner knows the length that is left: it is from that that the
        next one grows."""
        curvature = line.numbers.get("curvature", (line.along or 0.0) * line.numbers["update_square"])
        rounding, halvings, tried = 8 * line.rounding * abs(line.loss), 0, rate
        while halvings < HALVINGS and tried > 0 and not line.evaluate(tried, False)[0] <= line.loss + rounding + max(0.0, tried * (line.numbers["slope"] + tried / 2 * abs(curvature))):
            tried, halvings = tried / 2, halvings + 1
        if halvings:
            state = self.core.state()
            self.core.restore({**state, "length": state["length"] * 0.5**halvings, "held_back": state["held_back"] + halvings})
        return tried

    def _foreseen(self) -> frozenset[str]:
        """What a tuner asks for once it is under way, as it asks of a made-up line; what nobody answers, at whichever step it asks."""
        trial, asked, unknown = self.make(), set(), set()
        for step in range(3):
            asked.clear()
            try:
                trial.learning_rate(_MadeUp(step, asked))
            except Error:
                pass
            unknown |= asked & UNKNOWN.keys()
        return frozenset(asked | unknown)


class _MadeUp:
    """A line of a loss that falls evenly, to see what is asked."""

    rounding, restarted, edge, full_batch, steps = 1e-16, False, 2.0, True, None

    def __init__(self, step: int, asked: set):
        self.step, self.loss = step, 10.0 - step
        self.previous_learning_rate = 0.1 if step else None
        self._asked = asked

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def answer(rate=0.0, samples=None):
            self._asked.add(name)
            if name in UNKNOWN:
                return (1.0, 1.0) if name == "batch_line" else 1.0
            return {
                "slope": -1.0, "value": self.loss - rate + rate**2 / 2, "trial": (self.loss - rate + rate**2 / 2, rate - 1.0), "sharpness": (1.0, True),
                "change": (0.01, 0.01, 0.01), "distance": 0.1 * self.step,
            }.get(name, 1.0)  # fmt: skip

        return answer


def named(base) -> tuple[str | None, dict]:
    """The name and settings of a base that is given by name; None where it is something else."""
    if isinstance(base, (str, Choice)) or (isinstance(base, Mapping) and "name" in base):
        given = section("optimizer", base)
        return given.pop("name"), given
    return None, {}
