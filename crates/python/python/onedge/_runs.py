"""Runs that left a folder: found, read, shown."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from . import _html
from ._arguments import shown
from ._choices import core
from ._errors import ArgumentError, FileError
from ._frames import frame
from ._objective import Objective

# Columns of the records that are there at any step of any run.
_ALWAYS = {
    "step", "loss", "learning_rate", "gradient_norm", "update_norm", "slope", "curvature", "update_cosine", "cost", "seconds",
}  # fmt: skip
_NOT_A_COLUMN = ("eigenvalues", "density")
_SHOWN = ("name", "status", "optimizer", "tuner", "steps", "final_loss", "best_loss", "seconds", "started")


class Run:
    """A run by its folder. What is known of it is read when it is asked for, so a run that goes on can be looked at.

    `run["final_loss"]`, `run["tuner.sigma"]`: the facts of `onedge runs`, by their keys.
    """

    def __init__(self, folder, facts: dict | None = None):
        self.folder = Path(folder)
        self._facts = facts

    @property
    def facts(self) -> dict:
        """Everything known: what it is, every setting, what came out."""
        if self._facts is None or self._facts.get("status") == "running" or "sentences" not in self._facts:
            self._facts = core("run_facts")(os.fspath(self.folder))
        return self._facts

    def __getitem__(self, key):
        facts = self.facts
        if key not in facts:
            import difflib

            near = difflib.get_close_matches(str(key), facts, n=3) or ["final_loss"]
            raise ArgumentError(f"{self.folder}: expected something known of the run, got {shown(key)}; try {' or '.join(map(repr, near))}")
        return facts[key]

    def get(self, key, default=None):
        """A fact, or `default` where it is not known."""
        return self.facts.get(key, default)

    @property
    def name(self) -> str:
        """Its name."""
        return self.facts.get("name", self.folder.name)

    @property
    def status(self) -> str:
        """How far it is: `running`, `done`, `diverged`, `interrupted`, ..."""
        return self["status"]

    @property
    def stop(self) -> str | None:
        """Why it ended, in a sentence; None while it goes on."""
        return self.get("stop")

    @property
    def findings(self) -> list[str]:
        """What else is to be said of how it went, each a sentence with what to try."""
        return list(self["sentences"])

    @property
    def columns(self) -> dict:
        """The step records as arrays by name, NaN where nothing was measured."""
        return core("run_columns")(os.fspath(self.folder))

    def steps(self, as_: str | None = None):
        """The step records as a frame of pandas or polars, or a dictionary of arrays: a row for each step that was kept."""
        return frame({name: values for name, values in self.columns.items() if name not in _NOT_A_COLUMN}, as_)

    def diagnostics(self, as_: str | None = None):
        """The same of the steps at which something was measured beside the loss: sharpness, trace, ..."""
        return frame(measured(self.columns), as_)

    def density(self, step: int | None = None) -> np.ndarray:
        """The spectral density measured at a step, by default the last: rows of a value and its weight."""
        return density(self.columns, step, str(self.folder))

    def parameters(self, o=None, *, best: bool = False):
        """The tensors at the end by name, or those of the best evaluation; with an objective `o` of such parameters, the tree that it takes."""
        tensors = read_safetensors(self.folder / ("best.safetensors" if best else "params.safetensors"))
        return tensors if o is None else _like(o, tensors, self.folder)

    def resume(self, steps: int | None = None, *, progress: bool = True) -> Run:
        """Goes on with a run of a built-in network from its last checkpoint, bit-identically, to `steps` in all.

        A run of `onedge.train` has its data in Python: call that again, with `resume=True`.
        """
        from ._spec import resume

        return resume(self, steps, progress)

    def plot(self, **options):
        """See `onedge.plot`."""
        from ._plot import plot

        return plot(self, **options)

    def __repr__(self):
        return f"Run({os.fspath(self.folder)!r}, {self.get('status')}, {_html.short(self.get('steps'))} steps)"

    def _repr_html_(self):
        facts = self.facts
        shown = {key: facts[key] for key in (*_SHOWN, "stop", "train.loss", "test.loss", "test.accuracy") if key in facts}
        return _html.pairs(shown, os.fspath(self.folder), self.findings)


class Runs(Sequence):
    """Runs in an order; a list of `Run`."""

    def __init__(self, runs):
        self._runs = list(runs)

    def __len__(self):
        return len(self._runs)

    def __getitem__(self, place):
        if isinstance(place, slice):
            return Runs(self._runs[place])
        if isinstance(place, str):
            found = [run for run in self._runs if place in (run.name, run.folder.name, run.get("id"))]
            if len(found) == 1:
                return found[0]
            names = ", ".join(sorted({run.name for run in self._runs})[:8])
            raise ArgumentError(f"runs: expected the name of one run, got {shown(place)}, which {len(found)} have; try one of {names}")
        return self._runs[place]

    def frame(self, columns: Sequence[str] | None = None, as_: str | None = None):
        """A row for each run: `columns`, or what the runs of a listing are told by."""
        rows = [run._facts or run.facts for run in self._runs]
        if columns is None:
            columns = [key for key in _SHOWN if any(key in row for row in rows)]
        return frame({key: [row.get(key) for row in rows] for key in columns}, as_)

    def plot(self, **options):
        """See `onedge.plot`."""
        from ._plot import plot

        return plot(self, **options)

    def __repr__(self):
        return f"Runs({self._runs!r})"

    def _repr_html_(self):
        rows = [run._facts or run.facts for run in self._runs]
        columns = [key for key in _SHOWN if any(key in row for row in rows)]
        return _html.table(columns, [[row.get(key) for key in columns] for row in rows], f"{len(rows)} runs")


def runs(where: str | None = None, *, folder="runs", sort: str | None = None, limit: int | None = None) -> Runs:
    """The runs below `folder`, the latest first.

    Args:
        where: a condition as of `onedge runs --where`: `"tuner=cdat and final_loss<0.3"`.
        folder: below which the runs lie, at any depth.
        sort: a key, `"final_loss"`, or `"-final_loss"` with the largest first.
        limit: the first so many.

    Raises:
        ArgumentError: no such folder; a condition that cannot be read, or of a key that no run has.
    """
    for name, value in (("where", where), ("sort", sort)):
        if value is not None and not isinstance(value, str):
            raise ArgumentError(f"{name}: expected text, got {shown(value)}")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
        raise ArgumentError(f"limit: expected a whole number, 0 or more, got {shown(limit)}")
    root = as_folder("folder", folder)
    rows = core("runs")(os.fspath(root), where, sort, limit)
    return Runs(Run(root / row["folder"], row) for row in rows)


def run(name, *, folder="runs") -> Run:
    """The run that `name` means: its folder, or the name, id or folder of a run below `folder`, or the beginning of one."""
    return Run(core("find_run")(os.fspath(as_folder("folder", folder)), os.fspath(as_folder("run", name))))


def as_folder(what: str, given) -> Path:
    if not isinstance(given, (str, os.PathLike)):
        raise ArgumentError(f"{what}: expected a path, got {shown(given)}")
    return Path(given)


def measured(columns: dict) -> dict:
    """The columns that diagnostics filled, of the steps at which they did."""
    names = [name for name in columns if name not in _ALWAYS and name not in _NOT_A_COLUMN]
    some = np.zeros(len(columns["step"]), bool)
    for name in names:
        some |= ~np.isnan(columns[name])
    return {name: columns[name][some] for name in ["step", *names]}


def density(columns: dict, step, origin: str) -> np.ndarray:
    """One of the spectral densities among the records."""
    found = dict(columns.get("density", []))
    if not found:
        raise ArgumentError(f'{origin}: expected a run that measured densities; try diagnostics=[{{"name": "density", "every": 50}}]')
    if step is None:
        step = max(found)
    if step not in found:
        raise ArgumentError(f"step: expected one at which the density was measured, {', '.join(map(str, found))}, got {shown(step)}")
    return np.array(found[step])


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file by name."""
    try:
        data = path.read_bytes()
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + size])
        header.pop("__metadata__", None)
        kinds = {"F32": np.float32, "F64": np.float64}
        out = {}
        for name, about in header.items():
            start, end = about["data_offsets"]
            out[name] = np.frombuffer(data[8 + size + start : 8 + size + end], kinds[about["dtype"]]).reshape(about["shape"]).copy()
        return out
    except OSError as error:
        raise FileError(f"{path}: cannot read: {error.strerror}; has the run come to its end?") from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise FileError(f"{path}: expected a file of tensors, got something else") from None


def _like(o, tensors: dict, folder: Path):
    """Tensors by name as the tree that an objective takes."""
    if not isinstance(o, Objective):
        raise ArgumentError(f"o: expected an objective, as onedge.jax.objective makes, got {type(o).__name__}")
    layout = o._layout or [("parameters", (o.dim,))]
    wanted = {name: tuple(shape) for name, shape in layout}
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if wanted != found:
        told = lambda shapes: ", ".join(f"{name} {list(shape)}" for name, shape in sorted(shapes.items()))
        raise ArgumentError(f"o: expected an objective of the parameters of {folder}, {told(found)}, got one of {told(wanted)}")
    return o.unflatten(np.concatenate([tensors[name].reshape(-1) for name in wanted]).astype(np.float64 if o.dtype == "f64" else np.float32))
