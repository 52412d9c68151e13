"""Watches the sharpness along a loop of one's own."""

from __future__ import annotations

import time

import torch

from .. import _spectra
from .._arguments import count, number, seed_of, shown
from .._errors import ArgumentError, StateError
from .._recording import Recording
from .._spectra import Asked
from ._derivatives import dot, scalars, square
from ._pass import Loss, Products, batches_of
from ._preconditioner import is_adaptive, unwrapped
from ._spectrum import space_of
from ._tuned import Tuned


class Monitor:
    """Records loss and learning rate of every step, and at every so many of them the sharpness, into the folder of a run.

        monitor = onedge.torch.Monitor(model, criterion, batch, every=50, folder="runs/mine")
        for inputs, targets in loader:
            loss = criterion(model(inputs), targets)
            loss.backward()
            monitor.step(optimizer, loss=loss)
            optimizer.step()
            optimizer.zero_grad()
        monitor.close()

    `onedge runs`, `runs show` and `plot` know the folder while the loop goes on and afterwards, as they know any run; if the loop is
    killed, what was recorded stays. With Lightning `callbacks=[monitor.lightning()]`, with the Trainer of transformers
    `callbacks=[monitor.trainer()]`, which call `step` and `close`.

    Args:
        model, loss, batch, outputs: as `onedge.torch.sharpness` takes them. The batch is that on which the spectrum is measured, the same
            all along; a few hundred examples do.
        every: steps from one measurement to the next; the first is at step 0.
        folder: of a run, new or empty. None: `monitor.history` alone.
        count: how many of the largest eigenvalues; they are followed from measurement to measurement (`warm_start`) if there are several.
        tolerance, max_products, seed: of each measurement; one that runs out of products is recorded as not converged.
        batch_sharpness: measures `E[g . H g] / E[g . g]` over the batches, too, of which there must be several.
        steps: how many the loop is to take, if that is known: it is then said of a run that ends before.
        tensorboard: a folder or a `SummaryWriter`; `wandb`: True, or a run of Weights & Biases. They get the same numbers, as
            `onedge/sharpness`.

    Measured are `sharpness`, the largest eigenvalue of H, with `residual`, `products` and `converged`; with Adam and its like, RMSprop and
    Adagrad also `preconditioned_sharpness`, that of `P^-1/2 H P^-1/2`, once they have a state; `alignment = (u . v)^2 / |u|^2` of the step
    u that follows with the top eigenvector v; and `rate_x_sharpness`, whose edge is 2 for gradient descent, `(2 + 2 beta) / (1 - beta)` for
    Adam.

    Cost: what `sharpness` takes, at each measurement (twice with a preconditioner), and two vectors; nothing on the device at other steps.
    The loss is brought to the host one step later.
    """

    def __init__(
        self,
        model,
        loss,
        batch,
        *,
        every: int = 50,
        folder=None,
        count: int = 1,
        tolerance: float = 1e-2,
        max_products: int = 100,
        batch_sharpness: bool = False,
        outputs=None,
        steps: int | None = None,
        tensorboard=None,
        wandb=None,
        seed: int = 0,
    ):
        self._loss = Loss(model, loss, outputs)
        self._loss.ranks = None
        self._asked = {"k": _whole("count", count), "tolerance": number("tolerance", tolerance), "max_products": _whole("max_products", max_products)}
        self._seed, self._warm = seed_of(seed), None
        self._batch = list(batches_of(batch))
        self._batch_sharpness = bool(batch_sharpness)
        if self._batch_sharpness and len(self._batch) < 2:
            raise ArgumentError("batch_sharpness: expected several batches, got one; give a list of them as batch")
        self._recording = Recording(every=every, folder=folder, tensorboard=tensorboard, wandb=wandb, steps=steps)
        self._before = self._tuned = None
        self.is_measuring = False

    def step(self, optimizer, loss=None, *, step: int | None = None):
        """To be called for each step after the backward pass, before `optimizer.step()`.

        Args:
            optimizer: whose `param_groups` have the learning rate. That of a `Tuned` is taken once its step is.
            loss: of this step, a number or a tensor; where the step itself gives it, as with `Tuned`, `tell` it afterwards.
            step: its number, counted from 0; the next one by default.
        """
        inner = unwrapped(optimizer)
        if not hasattr(inner, "param_groups") or not hasattr(optimizer, "param_groups"):
            raise ArgumentError(f"optimizer: expected an optimizer of PyTorch, got {shown(optimizer)}")
        recording = self._recording
        recording.begin(sum(p.numel() for p in self._loss.parameters), self._described(optimizer))
        at = recording.next_step(step)
        self._close_step()
        # The rate of a tuner is known once its step is taken.
        self._tuned = optimizer if isinstance(optimizer, Tuned) else None
        # A copy, as a loss that is kept would keep its graph.
        values = {"loss": _number(loss), "learning_rate": _rate(optimizer)}
        if recording.is_due(at):
            start = time.perf_counter()
            values.update(self._measured(inner))
            recording.spend(time.perf_counter() - start)
        recording.hold(at, values)

    def tell(self, loss):
        """The loss of the step that was begun last, where it was not known then."""
        self._recording.add(loss=_number(loss))

    @property
    def next(self) -> int:
        """The number of the next step."""
        return self._recording.next

    @property
    def history(self) -> list[dict]:
        """What was measured so far: a dictionary for each measurement whose step has been taken."""
        return list(self._recording.history)

    @property
    def run(self):
        """The run in the folder: its records as frames, its plot."""
        return self._recording.run

    def close(self, error: BaseException | None = None):
        """Ends the run. An `error`, or one that leaves a `with` block of the monitor, is told as its end."""
        self._close_step()
        self._recording.close(error)
        self._warm = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close(error)

    def lightning(self):
        """A callback for the Trainer of Lightning."""
        from ._callbacks import lightning

        return lightning(self)

    def trainer(self):
        """A callback for the Trainer of transformers."""
        from ._callbacks import trainer

        return trainer(self)

    def _measured(self, optimizer) -> dict:
        self.is_measuring = True
        try:
            with self._loss.untouched():
                products = Products(self._loss, self._batch if len(self._batch) > 1 else self._batch[0], False)
                found = self._top(products, None, "sharpness")
                values = {
                    "sharpness": found.value, "residual": float(found.bounds[0]), "products": found.products, "converged": float(found.converged),
                }  # fmt: skip
                if len(found.values) > 1:
                    values["eigenvalues"] = found.values.tolist()
                top, products_spent = found._flat[0], found.products
                if is_adaptive(optimizer):
                    try:
                        scaled = self._top(products, optimizer, "preconditioned_sharpness")
                        values.update(preconditioned_sharpness=scaled.value, residual=float(scaled.bounds[0]))
                        values.update(products=products_spent + scaled.products, converged=float(found.converged and scaled.converged))
                    except StateError:
                        # Before its first step it has no state.
                        pass
                if self._batch_sharpness:
                    values["batch_sharpness"] = self._over_batches()
        finally:
            self.is_measuring = False
        self._before = ([p.detach().clone() for p in self._loss.parameters], top)
        return values

    def _top(self, products, preconditioner, name):
        warm = self._warm if preconditioner is None and self._asked["k"] > 1 else None
        k = self._asked["k"] if preconditioner is None else 1
        asked = Asked.of(k, "largest", self._asked["tolerance"], self._asked["max_products"], self._seed, warm)
        found = _spectra.top(space_of(self._loss, products, preconditioner), asked, name, warns=False)
        self._seed += 1
        if preconditioner is None and self._asked["k"] > 1:
            self._warm = found
        return found

    def _over_batches(self) -> float:
        """The mean of `g . H g` over batches, by that of `g . g`."""
        numerator, denominator = [], []
        for batch in self._batch:
            point = self._loss.point(batch)
            gradient = [torch.zeros_like(p) if g is None else g for g, p in zip(point.gradients, point.parameters)]
            numerator.append(point.curvature(gradient, last=True))
            denominator.append(square(gradient))
        told = scalars(*numerator, *denominator)
        below = sum(told[len(numerator) :])
        return sum(told[: len(numerator)]) / below if below > 0 else float("nan")

    def _close_step(self):
        """What the step did that was measured before."""
        if self._tuned is not None:
            self._recording.add(learning_rate=_rate(self._tuned))
        if self._before is None:
            return
        (before, top), self._before = self._before, None
        with torch.no_grad():
            update = [p.detach() - b for p, b in zip(self._loss.parameters, before)]
            parts = top.split([p.numel() for p in before])
            along, length = scalars(dot(update, [part.view(b.shape) for part, b in zip(parts, before)]), square(update))
        if length > 0:
            rate = self._recording.held("learning_rate")
            norm = length**0.5 / rate if rate else None
            self._recording.add(alignment=along**2 / length, update_norm=norm)

    def _described(self, optimizer) -> dict:
        tuner = optimizer.rule.name if isinstance(optimizer, Tuned) else None
        optimizer = unwrapped(optimizer)
        group = optimizer.param_groups[0]
        kind = type(optimizer).__name__
        told = {"optimizer.name": _NAMES.get(kind, kind), "model.name": type(self._loss.model).__name__}
        told["model.parameters"] = sum(p.numel() for p in self._loss.parameters)
        told["loss.name"] = getattr(self._loss.function, "__name__", type(self._loss.function).__name__)
        if tuner is not None:
            told["tuner.name"] = tuner
        if isinstance(optimizer, Tuned):
            told["optimizer.name"] = optimizer.base.name
            told.update({f"optimizer.{key}": group[key] for key in optimizer.base.defaults})
        if kind == "SGD" and group.get("momentum"):
            told["optimizer.name"] = "nesterov" if group.get("nesterov") else "momentum"
            told["optimizer.beta"] = float(group["momentum"])
        if kind in ("Adam", "AdamW"):
            told.update(zip(("optimizer.beta1", "optimizer.beta2"), map(float, group["betas"])))
            told["optimizer.eps"] = float(group["eps"])
        return told


# Where the names of onedge are others.
_NAMES = {"SGD": "gd", "Adam": "adam", "AdamW": "adamw"}


def _rate(optimizer) -> float:
    """The learning rate: the mean over groups, weighted by their parameters, if they differ."""
    groups = [(float(group["lr"]), sum(p.numel() for p in group["params"])) for group in optimizer.param_groups]
    total = sum(size for _, size in groups)
    if len({rate for rate, _ in groups}) == 1 or not total:
        return groups[0][0]
    return sum(rate * size for rate, size in groups) / total


def _number(loss):
    if loss is None or isinstance(loss, (int, float)):
        return float("nan") if loss is None else float(loss)
    if isinstance(loss, torch.Tensor) and loss.numel() == 1:
        return loss.detach().clone()
    try:
        return float(loss)
    except (TypeError, ValueError):
        raise ArgumentError(f"loss: expected a number, got {shown(loss)}") from None


_whole = count
