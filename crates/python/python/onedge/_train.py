"""Training of an objective with the optimizers and tuners of onedge."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable

import numpy as np

from . import _html
from ._arguments import shown
from ._choices import core, measured, section
from ._errors import ArgumentError, StateError, StopTraining, TrainingWarning, UnsupportedError
from ._frames import frame
from ._objective import Objective
from ._progress import Progress
from ._runs import _NOT_A_COLUMN, Run, as_folder
from ._runs import density as density_of
from ._runs import measured as measured_of


class Step:
    """A step that was taken, as a callback sees it: `step.loss`, `step.learning_rate`, `step["trace"]`.

    Attributes:
        number: the step, counted from 0.
        record: what was measured, by name.
        parameters: those that the step left, as a tree like the first ones.
    """

    def __init__(self, record: dict, flat: np.ndarray, unflatten):
        self.record = record
        self.number = record["step"]
        self._flat = flat
        self._unflatten = unflatten

    @property
    def parameters(self):
        return self._unflatten(self._flat)

    def __getitem__(self, name):
        try:
            return self.record[name]
        except KeyError:
            raise ArgumentError(f"step {self.number}: expected something that was measured, {', '.join(self.record)}, got {shown(name)}") from None

    def get(self, name, default=None):
        """What was measured, or `default`."""
        return self.record.get(name, default)

    def __getattr__(self, name):
        if name.startswith("_") or name not in self.__dict__.get("record", {}):
            raise AttributeError(f"step: nothing called {name!r} was measured at this step; try step.get({name!r})")
        return self.record[name]

    def __repr__(self):
        return f"Step({', '.join(f'{name}={_html.short(value)}' for name, value in self.record.items() if not isinstance(value, (list, np.ndarray)))})"


class Trained:
    """What training came to.

    Attributes:
        parameters: at the end, as a tree like the first ones.
        best: those of the best evaluation of `test`, or None.
        best_step: before which step that was.
        is_success: whether all steps were taken, or the target reached, and the loss fell.
        reason: why it ended, in a word: `steps_done`, `target_reached`, `no_improvement`, `diverged`, `non_finite`, `interrupted`.
        stop: the same in a sentence.
        findings: what else is to be said of how it went, each a sentence with what to try.
        steps: steps taken.
        seconds: spent on training; `diagnostics_seconds` on what was measured beside it.
        cost: evaluations of the loss that training cost.
        events: how often the tuner met what its formula does not provide for.
        edge: where learning rate times sharpness has its edge with this optimizer, or None.
        train: means over the batch at the end, by name; empty with `batches`.
        test: the same of the test objective.
        columns: the step records that were kept as arrays, NaN where nothing was measured; `columns["step"]` says of which steps.
        run: the run with its folder, or None.
    """

    def __init__(self, told: dict, unflatten, run: Run | None, name: str):
        flat, best = told.pop("parameters"), told.pop("best")
        self.flat = flat
        self.parameters = unflatten(flat)
        self.best = None if best is None else unflatten(best)
        told["events"] = dict(told["events"])
        self.__dict__.update(told)
        self.run = run
        self.name = name

    @property
    def losses(self) -> np.ndarray:
        """The loss before each step that was kept."""
        return self.columns["loss"]

    @property
    def loss(self) -> float:
        """The loss at the end, or with batches that of the last step."""
        return self.train.get("loss", float(self.losses[-1]) if len(self.losses) else float("nan"))

    def frame(self, as_: str | None = None):
        """The step records as a frame of pandas or polars, or a dictionary of arrays."""
        return frame({name: values for name, values in self.columns.items() if name not in _NOT_A_COLUMN}, as_)

    def diagnostics(self, as_: str | None = None):
        """The same of the steps at which something was measured beside the loss."""
        return frame(measured_of(self.columns), as_)

    def density(self, step: int | None = None) -> np.ndarray:
        """The spectral density measured at a step, by default the last: rows of a value and its weight."""
        return density_of(self.columns, step, "training")

    def plot(self, **options):
        """See `onedge.plot`."""
        from ._plot import plot

        return plot(self, **options)

    def __repr__(self):
        where = f", run={os.fspath(self.run.folder)!r}" if self.run else ""
        said = "".join(f"; {sentence}" for sentence in self.findings)
        return f"Trained({self.stop}, {self.steps} steps, loss {_html.short(self.loss)}{where}{said})"

    def _repr_html_(self):
        values = {"ended": self.stop, "steps": self.steps, "loss": self.loss, "seconds": self.seconds, "cost in losses": self.cost}
        values |= {f"test {name}": value for name, value in self.test.items()}
        return _html.pairs(values, os.fspath(self.run.folder) if self.run else "", self.findings)


def train(
    o: Objective,
    params,
    *,
    optimizer="gd",
    tuner=None,
    steps: int = 200,
    batches: Iterable | Callable | None = None,
    diagnostics=(),
    test: Objective | None = None,
    test_every: int | None = None,
    patience: int | None = None,
    target_loss: float | None = None,
    diverge_factor: float | None = None,
    run=None,
    resume: bool = False,
    checkpoint_every: int | None = None,
    checkpoint_minutes: float | None = None,
    record_every: int | None = None,
    on_step: Callable[[Step], object] | None = None,
    progress: bool = True,
    seed: int = 0,
) -> Trained:
    """Trains the parameters of an objective, from `params` on.

    Args:
        o: the objective. Meanwhile it is of no other use.
        params: the parameters to begin with, a tree as the objective was made with or a flat array; they are not changed.
        optimizer: `"adam"`, `{"name": "adam", "beta1": 0.9}` or `onedge.optimizer("adam", beta1=0.9)`.
        tuner: what sets the learning rate, in the same ways: `"cdat"`, `onedge.tuner("constant", rate=1e-3)`. By default `cdat` as it is
            recommended, or rate 1 for an optimizer that finds its own.
        steps: how many to take, with `resume` in all.
        batches: the batch of each step, which `o.replace` takes: a list or loader, begun again when it ends, or a function of the
            number of the step. By default every step has the batch of the objective.
        diagnostics: what to measure along the way: `["sharpness", {"name": "trace", "every": 50}]`; every 10 steps unless said.
        test: another objective of the same parameters, evaluated every `test_every` steps; the best parameters are kept.
        patience: ends training after so many evaluations in a row without a better one.
        target_loss: ends it once the loss is this small.
        diverge_factor: ends it once the loss is this many times the larger of the first and that of all parameters zero; 1000.
        run: a new folder for records, checkpoints and parameters, which `onedge runs`, `plot` and `show` know. None: in memory.
        resume: goes on with the run that is in the folder, from its last checkpoint and to the same bits; settings and data must be those that it had.
        checkpoint_every: a checkpoint every so many steps; `checkpoint_minutes`: and after so many minutes, 5 unless said.
        record_every: keeps the records of every so many steps, and of those at which something was measured, the update led uphill or the loss bent
            downwards, and of the last; 1, which keeps all.
        on_step: is called after each step with a `Step`; ends training by returning False or raising `StopTraining`. What else it raises ends
            training and is raised.
        progress: shows a bar, where tqdm is installed.
        seed: of random numbers in diagnostics and tuners.

    Returns:
        What it came to. A run that diverged or learned nothing is no error: it is said in the result, and by a `TrainingWarning`.

    Raises:
        ArgumentError: a name or setting that is wrong, with the nearest known ones.
        KeyboardInterrupt: Ctrl-C, within a moment; what was written of a run stays, and `resume` goes on with it.

    Cost: what optimizer and tuner ask for; `cdat` is about 1.1 gradients a step.
    """
    if not isinstance(o, Objective):
        raise ArgumentError(f"o: expected an objective, as onedge.jax.objective makes, got {type(o).__name__}")
    start = o.flatten(params)
    if start.shape != (o.dim,):
        raise ArgumentError(f"params: expected {o.dim} parameters, got {start.size}")
    for name, flag in (("resume", resume), ("progress", progress)):
        if not isinstance(flag, (bool, np.bool_)):
            raise ArgumentError(f"{name}: expected True or False, got {shown(flag)}")
    if on_step is not None and not callable(on_step):
        raise ArgumentError(f"on_step: expected a function, got {shown(on_step)}")
    spec = {
        "steps": steps, "seed": seed, "precision": o.dtype, "target_loss": target_loss, "diverge_factor": diverge_factor,
        "checkpoint_every": checkpoint_every, "checkpoint_minutes": checkpoint_minutes,
        "record_every": record_every,
        # What the tuner's defaults depend on; of how many examples a batch is, nobody asks.
        "batch": None if batches is None else 1,
        "optimizer": section("optimizer", optimizer),
        "diagnostics": measured(diagnostics),
    }  # fmt: skip
    if tuner is not None:
        spec["tuner"] = section("tuner", tuner)
    if test is None and (test_every is not None or patience is not None):
        raise ArgumentError("test_every: expected an objective to evaluate with it; try test=onedge.jax.objective(loss, params, test_batch)")
    if test is not None:
        if not isinstance(test, Objective):
            raise ArgumentError(f"test: expected an objective, got {type(test).__name__}")
        spec["evaluation"] = {"every": 10 if test_every is None else test_every, "patience": patience}
    folder = None if run is None else as_folder("run", run)
    if folder is not None and not resume and (folder / "spec.toml").exists():
        raise ArgumentError(f"run: expected a new or empty folder, got that of a run, {folder}; try another one, or resume=True")
    if folder is None and resume:
        raise ArgumentError('resume: expected the folder of a run with it; try run="runs/my-model"')
    samples = _samples(o, start, spec["diagnostics"], batches)
    bar = Progress(steps if isinstance(steps, int) else 0, progress, folder.name if folder else "")
    # Training leaves the objective at another point.
    o._moved()
    try:
        with bar:
            told = core("train")(
                o._core, start, spec, _layouts(o), [("data.name", "python"), ("loss.name", "own"), *_batches_described(batches)],
                test=None if test is None else test._core, samples=samples, folder=None if folder is None else os.fspath(folder), resume=bool(resume),
                batches=None if batches is None else _Batches(o, batches), on_step=None if on_step is None else _observer(o, on_step), tick=bar.tick,
            )  # fmt: skip
    finally:
        if samples is not None:
            # It is left at the examples that were drawn last.
            o._batches.close()
    result = Trained(told, o.unflatten, None if folder is None else Run(folder), folder.name if folder else _name(spec))
    if result.reason == "failed":
        raise StateError(result.stop)
    if not result.is_success and result.reason != "interrupted":
        warnings.warn("; ".join([result.stop, *result.findings]), TrainingWarning, stacklevel=2)
    return result


def _name(spec: dict) -> str:
    names = [spec.get(part, {}).get("name") for part in ("optimizer", "tuner")]
    return ", ".join(name for name in names if name)


def _layouts(o: Objective) -> list[tuple[str, list[int]]]:
    """Names and shapes of the tensors, for optimizers that treat them by their shapes and for who reads the parameters of a run."""
    layout = getattr(o, "_layout", None)
    return [("parameters", [o.dim])] if layout is None else [(name, list(shape)) for name, shape in layout]


def _samples(o: Objective, start, diagnostics: dict, batches):
    """The batch in single examples, if a diagnostic draws batches of them."""
    from ._singles import drawing_in, of_objective

    names = drawing_in(diagnostics)
    if not names:
        return None
    if batches is not None:
        raise UnsupportedError(f"diagnostics: `{names[0]}` draws examples of the objective's batch, but batches= brings others; measure an objective of a large batch by itself")
    found = of_objective(o, start)
    if isinstance(found, str):
        raise UnsupportedError(f"diagnostics: `{names[0]}` has no value here: {found}")
    return found


def _batches_described(batches) -> list[tuple[str, str]]:
    return [] if batches is None else [("data.batches", "from outside")]


def _observer(o: Objective, on_step):
    def observe(record, flat):
        try:
            return on_step(Step(record, flat, o.unflatten)) is not False
        except StopTraining:
            return False

    return observe


class _Batches:
    """Brings the batch of a step into the objective. A run that goes on draws those of the steps before, too, and forgets them."""

    def __init__(self, o: Objective, batches):
        if not callable(batches) and not isinstance(batches, Iterable):
            raise ArgumentError(f"batches: expected a list or loader of batches, or a function of the step, got {shown(batches)}")
        self.o = o
        self.batches = batches
        self.iterator = None
        self.drawn = 0
        self.since = 0

    def __call__(self, step: int):
        if not isinstance(self.batches, Iterable):
            return self.o.replace(self.batches(step))
        while self.drawn <= step:
            batch = self._draw()
        return self.o.replace(batch)

    def _draw(self):
        if self.iterator is None:
            self.iterator, self.since = iter(self.batches), 0
        for batch in self.iterator:
            self.drawn, self.since = self.drawn + 1, self.since + 1
            return batch
        if self.since == 0 or self.iterator is self.batches:
            raise ArgumentError(
                f"batches: ended after {self.drawn}, expected one for each step; try a list or loader that can be begun again, or a function of the step"
            )
        self.iterator = None
        return self._draw()
