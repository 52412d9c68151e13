"""What people hand in, and how it is named when it does not fit."""

from __future__ import annotations

import functools
import math
import traceback

import numpy as np

from ._errors import ArgumentError, Error, UnsupportedError


def shown(value) -> str:
    """A value in a few words, on one line."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None:
        return f"an array of {dtype} of shape {tuple(shape)}"
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"an object of type {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:50]}... ({type(value).__name__})"


def array_of(name: str, value, dtype=None) -> np.ndarray:
    """A value as an array of NumPy."""
    try:
        return np.asarray(value, dtype)
    except Exception as error:
        raise ArgumentError(f"{name}: expected an array of numbers, got {shown(value)}: {_first_line(error)}") from None


def is_whole(value) -> bool:
    """Whether a value is a whole number."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_number(value) -> bool:
    """Whether a value is a number that is finite."""
    return isinstance(value, (int, float, np.floating, np.integer)) and not isinstance(value, bool) and abs(value) < 1e308 and math.isfinite(value)


def choice(name: str, value, known) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in known:
        raise ArgumentError(f"{name}: expected one of {', '.join(known)}, got {shown(value)}")
    return str(value)


def count(name: str, value) -> int:
    """A whole number, 1 or more."""
    if not is_whole(value) or not 1 <= value < 2**32:
        raise ArgumentError(f"{name}: expected a whole number, 1 or more, got {shown(value)}")
    return int(value)


def number(name: str, value) -> float:
    """A finite number."""
    if not is_number(value):
        raise ArgumentError(f"{name}: expected a finite number, got {shown(value)}")
    return float(value)


def seed_of(value) -> int:
    """A seed of random numbers."""
    if not is_whole(value) or not 0 <= value < 2**64:
        raise ArgumentError(f"seed: expected a whole number, 0 or more, got {shown(value)}")
    return int(value)


def named(method):
    """Whatever NumPy refuses of a method's arguments is told with the name of the method."""

    @functools.wraps(method)
    def checked(*arguments, **options):
        try:
            return method(*arguments, **options)
        except Error:
            raise
        except Exception as error:
            raise ArgumentError(f"{method.__name__}: {_first_line(error)}") from error

    return checked


def of_user(what: str, error: Exception, libraries) -> Error:
    """What a user's function raised when it was traced, with their line."""
    if isinstance(error, Error):
        return error
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"{frame.filename}:{frame.lineno}" for frame in frames if not any(part in frame.filename for part in libraries)]
    # The first one is ours, unless all are.
    where = lines[-1] if lines else f"the {what}"
    text = f"{where}: the {what} raised {type(error).__name__}: {_first_line(error)}"
    if not type(error).__module__.startswith("jax."):
        return ArgumentError(text)
    return UnsupportedError(f"{text.rstrip('.')}; {_WAYS_OUT.get(type(error).__name__, 'write it with functions of jax.numpy that do not look at values')}")


# What can be done where JAX cannot trace a loss, by its exceptions.
_WAYS_OUT = {
    "TracerBoolConversionError": "choose by jnp.where, which takes both, or by data outside of the loss",
    "TracerArrayConversionError": "call the function of jax.numpy in the place of that of numpy",
    "ConcretizationTypeError": "keep it an array: float() and int() need values",
    "TracerIntegerConversionError": "index by arrays of jax.numpy, not lists or ranges",
    "NonConcreteBooleanIndexError": "weigh by the mask, as (mask * losses).sum() / mask.sum(), or give jnp.nonzero a size",
}


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
