"""Watches the sharpness along a JAX loop of one's own."""

from __future__ import annotations

import time

import jax
import numpy as np

from .. import _spectra
from .._arguments import count, number, seed_of
from .._errors import ArgumentError
from .._recording import Recording
from .._spectra import Asked
from ._space import Form
from ._spectrum import space_of


class Monitor:
    """Records loss and learning rate of every step, and at every so many of them the sharpness, into the folder of a run.

        monitor = onedge.jax.Monitor(loss, batch, every=50, folder="runs/mine")
        for batch in batches:
            value, gradient = jax.value_and_grad(loss)(params, batch)
            monitor.step(params, loss=value, learning_rate=rate)
            updates, state = tx.update(gradient, state, params)
            params = optax.apply_updates(params, updates)
        monitor.close()

    `onedge runs`, `runs show` and `plot` know the folder while the loop goes on and afterwards, as they know any run; if the loop is
    killed, what was recorded stays.

    Args:
        loss, args, batches, outputs: as `onedge.jax.sharpness` takes them: the spectrum is measured on these, the same all along.
        every: steps from one measurement to the next; the first is at step 0.
        folder: of a run, new or empty. None: `monitor.history` alone.
        count: how many of the largest eigenvalues; they are followed from measurement to measurement (`warm_start`) if there are several.
        tolerance, max_products, seed: of each measurement; one that runs out of products is recorded as not converged.
        optimizer: its name, as onedge has it, which says where the edge of rate times sharpness is: `"gd"`, `"momentum"`, `"adam"`, ...
        steps: how many the loop is to take, if that is known.
        tensorboard: a folder or a `SummaryWriter`; `wandb`: True, or a run of Weights & Biases.

    Measured are `sharpness` with `residual`, `products` and `converged`, `preconditioned_sharpness` where a step is told its
    preconditioner, `alignment = (u . v)^2 / |u|^2` of the step u that follows with the top eigenvector v, and `rate_x_sharpness`.

    Cost: what `sharpness` takes, at each measurement (twice with a preconditioner). The loss is brought to the host one step later.
    """

    def __init__(
        self,
        loss,
        *args,
        batches=None,
        outputs=None,
        every: int = 50,
        folder=None,
        count: int = 1,
        tolerance: float = 1e-2,
        max_products: int = 100,
        optimizer: str | None = None,
        steps: int | None = None,
        tensorboard=None,
        wandb=None,
        seed: int = 0,
    ):
        if not callable(loss):
            raise ArgumentError(f"loss: expected a function, got {type(loss).__name__}")
        self._loss, self._args, self._batches, self._outputs = loss, args, None if batches is None else list(batches), outputs
        self._asked = (_whole("count", count), "largest", number("tolerance", tolerance), _whole("max_products", max_products))
        self._seed, self._warm, self._optimizer = seed_of(seed), None, optimizer
        self._recording = Recording(every=every, folder=folder, tensorboard=tensorboard, wandb=wandb, steps=steps)
        self._before = None

    def step(self, params, *, loss=float("nan"), learning_rate=float("nan"), preconditioner=None, step: int | None = None):
        """To be called for each step with the parameters before it.

        Args:
            params: the parameters.
            loss: of this step, a number or an array with one.
            learning_rate: of this step.
            preconditioner: the diagonal P of the method, a tree like `params`, or a function that gives it, which is called where it is
            needed.
            step: the number of the step, counted from 0; the next one by default.
        """
        form, recording = Form(params), self._recording
        told = {"optimizer.name": self._optimizer, "model.name": getattr(self._loss, "__name__", "own"), "model.parameters": form.dim}
        recording.begin(form.dim, {name: value for name, value in told.items() if value is not None})
        at = recording.next_step(step)
        if self._before is not None:
            (before, top), self._before = self._before, None
            update = form.flat(params) - before
            length, along = float(update @ update), float(update @ top)
            if length > 0:
                recording.add(alignment=along**2 / length)
        values = {"loss": loss, "learning_rate": learning_rate}
        if recording.is_due(at):
            start = time.perf_counter()
            values.update(self._measured(params, form, preconditioner))
            recording.spend(time.perf_counter() - start)
        recording.hold(at, values)

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
        self._recording.close(error)
        self._warm = self._before = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close(error)

    def _measured(self, params, form, preconditioner) -> dict:
        k, which, tolerance, products = self._asked
        several = k > 1
        space = space_of(self._loss, params, self._args, self._batches, None, False, self._outputs)
        found = _spectra.top(space, Asked.of(k, which, tolerance, products, self._seed, self._warm), "sharpness", warns=False)
        self._seed, self._warm = self._seed + 1, found if several else None
        values = {"sharpness": found.value, "residual": float(found.bounds[0]), "products": found.products, "converged": float(found.converged)}
        if several:
            values["eigenvalues"] = np.asarray(found.values).tolist()
        if preconditioner is not None:
            diagonal = preconditioner() if callable(preconditioner) else preconditioner
            space = space_of(self._loss, params, self._args, self._batches, diagonal, False, self._outputs)
            scaled = _spectra.top(space, Asked.of(1, which, tolerance, products, self._seed, None), "preconditioned_sharpness", warns=False)
            values.update(preconditioned_sharpness=scaled.value, residual=float(scaled.bounds[0]))
            values.update(products=found.products + scaled.products, converged=float(found.converged and scaled.converged))
        self._before = (jax.numpy.array(form.flat(params)), found._flat[0])
        return values


_whole = count
