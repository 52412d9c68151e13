"""PyTorch models on the engine of onedge: exact curvature of a loss that you have already.

    o = onedge.torch.objective(model, torch.nn.CrossEntropyLoss(), (inputs, targets))
    loss, gradient = o.linearize(o.parameters())
    o.curvature(update), o.hessian_vector(v), o.sharpness()

The model is traced by `torch.export`. What does not depend on its trainable parameters, masks of dropout and frozen layers among it, is computed by PyTorch
and enters as data.

In a loop of one's own, on any device, nothing is traced:

    optimizer = onedge.torch.Tuned(model.parameters())  # or CDAT
    loss = optimizer.step(lambda: criterion(model(x), y))
"""

from __future__ import annotations

from .. import _front
from .._explanation import Explanation
from ._cdat import CDAT
from ._check import check
from ._door import TorchDoor
from ._fitness import Finding, Fitness
from ._line import Report
from ._monitor import Monitor
from ._objective import Objective
from ._spectrum import density, gauss_newton, sharpness, top, trace
from ._table import TABLE
from ._trainer import TrainerMixin
from ._tuned import Tuned

__all__ = [
    "CDAT", "Finding", "Fitness", "Monitor", "Objective", "Report", "TrainerMixin", "Tuned", "check", "density", "explain", "gauss_newton", "objective", "operators", "sharpness", "top", "trace",
]  # fmt: skip


def objective(
    model,
    loss,
    batch,
    *,
    outputs=None,
    mode: str = "auto",
    dtype=None,
    l2: float = 0.0,
    threads: int | None = None,
    memory_bytes: int | None = None,
) -> Objective:
    """The loss of a model on this batch, with its derivatives by the trainable parameters.

    Args:
        model: a `torch.nn.Module` on the CPU. Its modes (`train()`, `eval()`) count; they, statistics and gradients stay as they are.
        loss: a criterion such as `torch.nn.CrossEntropyLoss()`, where the batch is `(inputs, targets)` and the loss `loss(model(inputs), targets)`; or a
            function `loss(model, batch)` that gives one number. With `outputs`: `loss(outputs, batch)`.
        batch: tensors or arrays, also in tuples, lists and dicts, all of them data. Floating-point ones are taken in the precision of the model.
            `Objective.replace` takes another one.
        outputs: `outputs(model, batch)`, what the model says of the batch, one tensor. It makes Gauss-Newton products possible. A criterion needs none.
        mode: `"mean"`: the loss is a mean over the examples of the batch, which lie along the first axis of all its tensors, and is computed in parts
            that fit the cache, on all threads. `"whole"`: it is computed in one piece, as batch norm or a contrastive loss must be. `"auto"`: as a
            mean if loss and gradient of parts agree with those of the batch; `Objective.why` says what was found.
        dtype: `"f32"` or `"f64"`; by default that of the parameters.
        l2: adds `l2 / 2 |w|^2`.
        threads: at most so many; all cores by default.
        memory_bytes: for what curvature and `H v` reuse of the gradient's pass; 2 GiB by default.

    Random numbers, as in dropout, are drawn once: those that the next forward pass of the model would draw. The generator of PyTorch stays as it is;
    `Objective.replace` draws others and moves it on.

    Raises:
        UnsupportedError: an operator that onedge has not, with the line of the model.
        ArgumentError: a model without trainable parameters, a loss that is not one number, tensors on other devices.
    """
    door = TorchDoor(model, loss, dtype=dtype, outputs=outputs)
    made = _front.make(door, batch, mode=mode, l2=l2, threads=threads, memory_bytes=memory_bytes)
    made._parameters, door.drawing = door.parameters, True
    return made


def explain(model, loss, batch, *, outputs=None, mode: str = "auto", dtype=None) -> Explanation:
    """What onedge makes of a loss: in parts or as a whole, and why; the size of its graph; and everything in it that is not supported, with lines."""
    return _front.explain(TorchDoor(model, loss, dtype=dtype, outputs=outputs), batch, mode=mode)


def operators() -> list[str]:
    """The names of the ATen operators that onedge knows."""
    return sorted(TABLE)
