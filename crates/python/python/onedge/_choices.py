"""Optimizers, tuners and diagnostics by their names, with settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from . import _core
from ._arguments import shown
from ._errors import ArgumentError, InternalError


@dataclasses.dataclass(frozen=True, init=False)
class Choice:
    """An optimizer, tuner or diagnostic with its settings; made by `onedge.optimizer`, `onedge.tuner` and `onedge.diagnostic`."""

    kind: str
    name: str
    settings: dict

    def __init__(self, kind: str, name: str, settings: dict):
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "settings", dict(settings))

    def __repr__(self):
        settings = "".join(f", {key}={value!r}" for key, value in self.settings.items())
        return f"{self.kind}({self.name!r}{settings})"


@dataclasses.dataclass(frozen=True)
class Entry:
    """What a name stands for.

    Attributes:
        name: as it is given to `onedge.train`.
        summary: a line about it.
        doc: formula, conventions, source.
        settings: for each key its kind, its default and a line about it.
    """

    name: str
    summary: str
    doc: str
    settings: dict[str, tuple[str, str, str]]

    def __repr__(self):
        return f"{self.name}: {self.summary}"


def optimizer(name: str, **settings) -> Choice:
    """The optimizer `name` with these settings; `onedge.entries("optimizer")` lists all."""
    return _choice("optimizer", name, settings)


def tuner(name: str, **settings) -> Choice:
    """The tuner `name` with these settings; `onedge.entries("tuner")` lists all."""
    return _choice("tuner", name, settings)


def diagnostic(name: str, *, every: int = 10, **settings) -> Choice:
    """The diagnostic `name`, measured every so many steps; `onedge.entries("diagnostic")` lists all but `sharpness`."""
    return _choice("diagnostic", name, {"every": every, **settings})


def entries(kind: str) -> dict[str, Entry]:
    """All entries of a kind by name: `"optimizer"`, `"tuner"`, `"diagnostic"`, or, for specs, `"model"`, `"loss"`, `"data"`."""
    if not isinstance(kind, str):
        raise ArgumentError(f"kind: expected text, got {shown(kind)}")
    rows = core("entries")(kind)
    return {name: Entry(name, summary, doc, {key: rest for key, *rest in map(list, settings)}) for name, summary, doc, settings in rows}


def core(name: str):
    """A function of the compiled part that some builds leave out."""
    try:
        return getattr(_core, name)
    except AttributeError:
        raise InternalError(f"this build of onedge has no `{name}`, as it was made without the feature `runs`; install it with all features") from None


def _choice(kind, name, settings):
    if not isinstance(name, str):
        raise ArgumentError(f"{kind}: expected a name, got {shown(name)}")
    return Choice(kind, name, settings)


def section(kind: str, given) -> dict:
    """The section of a spec that a choice stands for: `"adam"`, `{"name": "adam", "beta1": 0.9}` or a `Choice`."""
    if given is None:
        return {}
    if isinstance(given, str):
        return {"name": given}
    if isinstance(given, Choice):
        if given.kind != kind:
            raise ArgumentError(f"{kind}: expected an {kind}, got the {given.kind} `{given.name}`".replace("an tuner", "a tuner"))
        return {"name": given.name, **given.settings}
    if isinstance(given, Mapping) and all(isinstance(key, str) for key in given):
        return dict(given)
    raise ArgumentError(f'{kind}: expected a name, {{"name": ..., settings}} or onedge.{kind}(...), got {shown(given)}')


# What the section of a spec has for the top of the spectrum, beside its cadence.
_SPECTRUM = ("top_k", "magnitude", "hessian", "curvature", "tolerance", "max_products")


def measured(given) -> dict:
    """The section `diagnostics` of a spec: of names, of `{"name": ..., "every": ...}`, of `Choice`s, or of the section's own keys."""
    if isinstance(given, (str, Choice)):
        given = [given]
    if isinstance(given, Mapping):
        given = [given] if "name" in given else [{"": True, **given}]
    if given is None:
        given = []
    if not isinstance(given, Iterable):
        raise ArgumentError(f'diagnostics: expected names, or {{"name": ..., "every": ...}}, got {shown(given)}')
    out = {"sharpness_every": 0}
    for one in given:
        values = section("diagnostic", one)
        if values.pop("", False):
            out.update(values)
            continue
        name = values.pop("name", None)
        if not isinstance(name, str):
            raise ArgumentError(f'diagnostics: expected a name, got {shown(one)}; try {{"name": "sharpness", "every": 10}}')
        every = values.pop("every", 10)
        if name == "sharpness":
            keys = {key: key for key in _SPECTRUM}
        else:
            settings = _known(name).settings
            keys = {key.removeprefix(f"{name.replace('-', '_')}_"): key for key in settings} | {key: key for key in settings}
        out[_cadence(name)] = every
        for key, value in values.items():
            out[keys.get(key, f"{name}_{key}")] = value
    return out


def _known(name: str) -> Entry:
    known = entries("diagnostic")
    if name in known:
        return known[name]
    import difflib

    near = difflib.get_close_matches(name, ["sharpness", *known], n=2, cutoff=0.4) or ["sharpness", *known]
    raise ArgumentError(f"diagnostics: unknown diagnostic `{name}`, expected one of the known names; try {' or '.join(f'`{n}`' for n in near)}")


def _cadence(name: str) -> str:
    return "sharpness_every" if name == "sharpness" else next(iter(_known(name).settings))
