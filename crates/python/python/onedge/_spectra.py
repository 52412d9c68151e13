"""The spectrum of an operator on vectors of a framework: what its tensors are asked to do, the rules of the engine decide, and here is what
they found."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np

from . import _core
from ._arguments import count, number, seed_of, shown
from ._errors import ArgumentError
from ._objective import Eigenvalues, Estimate

_KINDS = ("largest", "magnitude", "both")


@dataclasses.dataclass(frozen=True, repr=False)
class Eigenpairs(Eigenvalues):
    """Eigenvalues at a point with their vectors, which stay on their device.

    `float(found)` is the largest value. Given as `warm_start` of the next measurement, it goes on from these vectors.

    Attributes:
        values: the eigenvalues, largest first.
        bounds: some eigenvalue lies this close to each of them: the residual `|H v - value v|`, rounding included.
        errors: an estimate of the error of each, the square of its residual over its distance from the others.
        converged: whether all are as good as was asked for, and it was shown that no larger one is missing.
        products: matrix-vector products used.
        vectors: the unit eigenvectors, each in the form of the parameters; signs are arbitrary. Under a preconditioner P they are those of
            `P^-1/2 H P^-1/2`.
    """

    errors: np.ndarray
    _flat: list = dataclasses.field(compare=False)
    _next: list = dataclasses.field(compare=False)
    _form: object = dataclasses.field(compare=False)
    _measurements: int = dataclasses.field(compare=False)

    @property
    def value(self) -> float:
        """The largest."""
        return float(self.values[0])

    @property
    def vectors(self) -> list:
        return [self._form(flat) for flat in self._flat]

    def __float__(self):
        return self.value

    def __repr__(self):
        told = ", ".join(f"{value:.6g} ± {bound:.1g}" for value, bound in zip(self.values, self.bounds))
        return f"Eigenpairs({told}; {'converged' if self.converged else 'not converged'}, {self.products} products)"


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is asked of eigenvalues, checked."""

    k: int
    which: str
    tolerance: float
    max_products: int
    seed: int
    warm_start: Eigenpairs | None

    @classmethod
    def of(cls, k, which, tolerance, max_products, seed, warm_start):
        if which not in _KINDS:
            raise ArgumentError(f"which: expected one of {', '.join(map(repr, _KINDS))}, got {shown(which)}")
        if warm_start is not None and not isinstance(warm_start, Eigenpairs):
            raise ArgumentError(f"warm_start: expected what an earlier call returned, got {shown(warm_start)}")
        if warm_start is not None and which != "largest":
            raise ArgumentError(f'warm_start: goes on with the largest values alone, got which={which!r}; leave it out, or ask for "largest"')
        return cls(count("k", k), which, number("tolerance", tolerance), count("max_products", max_products), seed_of(seed), warm_start)


def top(space, asked: Asked, name: str, *, warns: bool = True) -> Eigenpairs:
    """The eigenpairs of the operator of a space; unless told not to, it warns where they are not as good as asked for."""
    warm, options = asked.warm_start, {"tolerance": asked.tolerance, "max_products": asked.max_products}
    if warm is not None and any(space.size_of(vector) != space.dim for vector in warm._next):
        raise ArgumentError(f"warm_start: expected vectors of {space.dim} parameters, got those of another model")
    start = [] if warm is None else [space.taken(vector) for vector in warm._next]
    measurements = 0 if warm is None else warm._measurements + 1
    if start and asked.k > 1:
        found, following = _core.follow_on(space, asked.k, start, seed=asked.seed, measurements=measurements, **options)
    else:
        # Other random vectors at each measurement, so that no direction is missed for long.
        seed = (asked.seed + measurements) % 2**64
        found = _core.top_on(space, asked.k, asked.which, seed=seed, start=start[0] if start else None, **options)
        following = found[3]
    values, bounds, errors, vectors, converged, products = found
    flat = [space.kept(vector) for vector in vectors]
    following = flat if following is vectors else [space.kept(vector) for vector in following]
    result = Eigenpairs(np.array(values), np.array(bounds), converged, products, np.array(errors), flat, following, space.form, measurements)
    if warns and not converged:
        warnings.warn(
            f"{name}: {products} products gave {np.array(values).tolist()}, right to {np.array(bounds).tolist()}; "
            "try a larger max_products or tolerance, or more precision if rounding is what is left",
            RuntimeWarning,
            stacklevel=3,
        )
    return result


def trace(space, samples, relative_error, method, seed) -> Estimate:
    """The trace of the operator of a space."""
    options = {"samples": count("samples", samples), "relative_error": number("relative_error", relative_error), "seed": seed_of(seed)}
    if method not in ("hutchinson", "hutch++"):
        raise ArgumentError(f'method: expected "hutchinson" or "hutch++", got {shown(method)}')
    return Estimate(*_core.trace_on(space, method, **options))


def density(space, steps, vectors, seed) -> np.ndarray:
    """The density of eigenvalues of the operator of a space: rows of a value and its weight."""
    found, _ = _core.density_on(space, steps=count("steps", steps), vectors=count("vectors", vectors), seed=seed_of(seed))
    return np.array(found)
