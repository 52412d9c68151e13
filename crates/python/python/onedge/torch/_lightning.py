"""Lightning: it has two ways to optimize, of which a tuner of curvature needs the manual one."""

from __future__ import annotations

from .._errors import StateError


def refuse_automatic(closure) -> None:
    """Raises where a closure is that of Lightning's automatic optimization, before it does anything.

    It calls `backward` by itself, clips and accumulates gradients that the optimizer never sees, and gives back a loss whose graph is gone.
    Costs nothing, and imports nothing.
    """
    parts = (closure, *getattr(closure, "args", ()))
    if any(type(part).__name__ == "Closure" and type(part).__module__.split(".")[0] in ("lightning", "pytorch_lightning") for part in parts):
        raise StateError(
            "Lightning: automatic optimization calls backward itself, and clips and accumulates gradients of its own; write `self.automatic_optimization = False` in __init__, and in "
            "training_step `self.optimizers().step(lambda: self.loss(batch))`, where self.loss gives the loss"
        )
