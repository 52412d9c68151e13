"""Specs of the built-in networks, as those of the command `onedge train`."""

from __future__ import annotations

import json
import os
from pathlib import Path

from . import _html
from ._arguments import shown
from ._choices import Choice, core
from ._errors import ArgumentError
from ._progress import Progress
from ._runs import Run, as_folder


# Sections that choose an entry, which may be said by its name alone.
_CHOICES = ("data", "model", "loss", "optimizer", "tuner")


class Plan(dict):
    """What a run will cost: memory, and the time of each kind of operation. As text it is what `onedge plan` prints."""

    def __init__(self, text: str, values: dict):
        super().__init__(values)
        self._text = text

    def __repr__(self):
        return self._text

    def _repr_html_(self):
        return f"<pre>{_html.escape(self._text)}</pre>"


class Spec:
    """A checked spec: every name known, every setting in its range."""

    def __init__(self, given):
        self._given = given
        self._toml = core("resolve_spec")(given)

    @property
    def toml(self) -> str:
        """The whole spec, with every default."""
        return self._toml

    def train(self, *, run=None, folder="runs", progress: bool = True) -> Run:
        """Trains the network, in the new folder `run`, or in one below `folder` that is named for the run. Ctrl-C ends it after the step, with everything recorded."""
        with Progress(_steps(self._toml), progress) as bar:
            place = None if run is None else os.fspath(as_folder("run", run))
            return Run(core("train_spec")(self._given, os.fspath(as_folder("folder", folder)), place, bar.tick, _cache()))

    def plan(self) -> Plan:
        """What the run will cost, measured on one chunk of its data."""
        text, values = core("plan_spec")(self._given, _cache())
        return Plan(text, json.loads(values))

    def __repr__(self):
        return self._toml


def spec(given=None, **changes) -> Spec:
    """A spec of a built-in network: `onedge.spec({"model": "mlp", "tuner": {"name": "cdat", "sigma": 2.0}, "steps": 100}).train()`.

    Args:
        given: a dictionary with one for each section, or TOML as text, or the path of a file.
        changes: more keys or sections of a dictionary.

    Raises:
        ArgumentError: an unknown name or key, with the nearest ones; a value out of its range.
    """
    if isinstance(given, str):
        # What no file name is.
        given = given if "\n" in given or "=" in given else Path(given)
    if isinstance(given, os.PathLike) or isinstance(given, str):
        if changes:
            raise ArgumentError(f"spec: expected no changes with TOML or a file, got {', '.join(changes)}; try a dictionary")
        return Spec(given)
    if given is not None and not isinstance(given, dict):
        raise ArgumentError(f"spec: expected a dictionary, TOML or a path, got {shown(given)}")
    values = {**(given or {}), **changes}
    return Spec({key: _section(key, value) for key, value in values.items()})


def resume(run: Run, steps, progress: bool) -> Run:
    if run.get("model") == "own":
        raise ArgumentError(f"{run.folder}: expected a run of a built-in network; call onedge.train again as before, with resume=True")
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
        raise ArgumentError(f"steps: expected a whole number, 1 or more, got {shown(steps)}")
    with Progress(steps or run.get("spec.steps", 0), progress) as bar:
        return Run(core("resume_run")(os.fspath(run.folder), os.fspath(run.folder.parent), steps, bar.tick, _cache()))


def _section(key, value):
    if isinstance(value, Choice):
        return {"name": value.name, **value.settings}
    return {"name": value} if isinstance(value, str) and key in _CHOICES else value


def _steps(toml: str) -> int:
    return next(int(line.split("=")[1]) for line in toml.splitlines() if line.startswith("steps ="))


def _cache():
    """Where downloads are kept: the folder that the command has."""
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        if os.environ.get(name):
            return os.path.join(os.environ[name], "onedge")
    return os.path.join(os.environ["HOME"], ".cache", "onedge") if os.environ.get("HOME") else None
