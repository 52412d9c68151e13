"""A run whose loop is the user's: its folder, and whoever else is told of its steps."""

from __future__ import annotations

import atexit
import math
import os
import sys
import time

from . import _core
from ._arguments import count, shown
from ._choices import core
from ._errors import ArgumentError, StateError
from ._runs import as_folder


class Recording:
    """The record of each step goes to the folder of a run, to TensorBoard and to Weights & Biases, as far as they were asked for.

    A record is held until the next one comes, as what its step did is known only then. It has to be closed; what is not closed when Python
    ends is closed then.

    Attributes:
        every: steps from one measurement to the next.
        folder: of the run, or None.
        history: what was measured, a dictionary for each step at which something was.
        next: the number of the next step, unless that is given.
    """

    def __init__(self, *, every, folder, tensorboard, wandb, steps):
        self.every, self.steps = count("every", every), None if steps is None else count("steps", steps)
        self.folder = None if folder is None else as_folder("folder", folder)
        if self.folder is not None:
            core("Recorder")
            if self.folder.exists() and any(self.folder.iterdir()):
                raise ArgumentError(f"folder: expected a new or empty folder, got {self.folder}; try another name")
        self._board, self._wandb = _board(tensorboard), _wandb(wandb)
        self.history: list[dict] = []
        self._recorder, self._held, self.next = None, None, 0
        self._began, self._spent, self._closed = None, 0.0, False
        self._raised_before = getattr(sys, "last_value", None)

    @property
    def run(self):
        if self.folder is None or self._recorder is None:
            raise StateError("run: expected a monitor with a folder that has seen a step")
        from ._runs import Run

        return Run(self.folder)

    def next_step(self, step) -> int:
        """The number of this step: the next one, unless it is given."""
        step = self.next if step is None else step
        if isinstance(step, bool) or not isinstance(step, int) or step < self.next:
            raise ArgumentError(f"step: expected a whole number, {self.next} or more, got {shown(step)}")
        self.next = step + 1
        return step

    def is_due(self, step) -> bool:
        return step % self.every == 0

    def begin(self, parameters, described):
        """The first step is there."""
        if self._closed:
            raise StateError("monitor: it is closed; make another one, with another folder")
        if self._began is not None:
            return
        self._began = time.perf_counter()
        if self.folder is not None:
            told = {"steps": self.steps, "tuner.name": "outside", "data.name": "python", **described}
            self._recorder = _core.Recorder(os.fspath(self.folder), parameters, told)
        atexit.register(self._at_exit)

    def hold(self, step, values):
        """The record of this step, and what was measured; the one before is written."""
        self.flush()
        self._held = (step, {**values, "seconds": time.perf_counter() - self._began - self._spent})

    def held(self, name):
        """What is held of a step."""
        return None if self._held is None else self._held[1].get(name)

    def add(self, **values):
        """More of the step that is held."""
        if self._held is not None:
            self._held[1].update(values)

    def spend(self, seconds):
        """Time that went into diagnostics."""
        self._spent += seconds

    def flush(self):
        """Writes what is held."""
        if self._held is None:
            return
        (step, values), self._held = self._held, None
        values = {name: value if isinstance(value, list) else float(value) for name, value in values.items() if value is not None}
        if self._recorder is not None:
            self._recorder.append(step, values)
        seen = {name: value for name, value in values.items() if isinstance(value, float) and name != "seconds"}
        top = values.get("preconditioned_sharpness", values.get("sharpness"))
        if top is not None:
            seen["rate_x_sharpness"] = values.get("learning_rate", math.nan) * top
            told = {name: value for name, value in values.items() if name != "seconds"}
            self.history.append({"step": step, **told, "rate_x_sharpness": seen["rate_x_sharpness"]})
        if self._board is not None:
            for name, value in seen.items():
                self._board.add_scalar(f"onedge/{name}", value, step)
        if self._wandb is not None:
            self._wandb.log({f"onedge/{name}": value for name, value in seen.items()})

    def close(self, error: BaseException | None = None):
        """Ends the run: all steps done, or broken off by an error."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self._at_exit)
        if self._began is None:
            return
        self.flush()
        if self._board is not None and hasattr(self._board, "flush"):
            self._board.flush()
        if self._recorder is None:
            return
        if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit)):
            self._recorder.finish("interrupted", self._spent)
        elif error is not None:
            self._recorder.finish("failed", self._spent, f"{type(error).__name__}: {' '.join(str(error).split())}"[:300])
        elif self.steps is not None and self.next < self.steps:
            self._recorder.finish("interrupted", self._spent)
        else:
            self._recorder.finish("steps_done", self._spent)

    def _at_exit(self):
        raised = getattr(sys, "last_value", None)
        self.close(None if raised is self._raised_before else raised)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close(error)


def _board(given):
    if given is None or hasattr(given, "add_scalar"):
        return given
    if not isinstance(given, (str, os.PathLike)):
        raise ArgumentError(f"tensorboard: expected a folder or a SummaryWriter, got {shown(given)}")
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ArgumentError("tensorboard: expected the package tensorboard, which is not installed; try pip install tensorboard") from None
    return SummaryWriter(os.fspath(given))


def _wandb(given):
    if given is None or given is False:
        return None
    if given is True:
        try:
            import wandb
        except ImportError:
            raise ArgumentError("wandb: expected the package wandb, which is not installed; try pip install wandb") from None
        if wandb.run is None:
            raise ArgumentError("wandb: expected a run that goes on; call wandb.init first")
        return wandb.run
    if not hasattr(given, "log"):
        raise ArgumentError(f"wandb: expected True or a run, got {shown(given)}")
    return given
