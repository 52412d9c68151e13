"""A loss with its derivatives, on flat arrays or on the user's own tree of parameters."""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING

import numpy as np

from . import _core
from ._arguments import array_of, count, number, seed_of, shown
from ._errors import ArgumentError

if TYPE_CHECKING:
    from ._diagnostics import Diagnostics


@dataclasses.dataclass(frozen=True)
class Eigenvalues:
    """The largest eigenvalues of the Hessian at a point.

    Attributes:
        values: the eigenvalues, largest first.
        bounds: some eigenvalue lies this close to each of them.
        converged: whether all are as good as was asked for.
        products: Hessian-vector products used.
    """

    values: np.ndarray
    bounds: np.ndarray
    converged: bool
    products: int

    def _repr_html_(self):
        from . import _html

        rows = [[f"{value:.6g}", f"{bound:.1g}"] for value, bound in zip(self.values, self.bounds)]
        ended = "as good as asked for" if self.converged else "not as good as asked for"
        return _html.table(["eigenvalue", "within"], rows, notes=[f"{ended}, {self.products} Hessian-vector products"])


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A sampled number: the truth lies within 1.96 standard errors 95 times out of 100."""

    value: float
    standard_error: float
    samples: int

    def _repr_html_(self):
        return f"<p>{self.value:.6g} ± {self.standard_error:.2g} (standard error of {self.samples} samples)</p>"


class Objective:
    """A loss on one batch, with exact derivatives.

    Vectors (`w`, `u`, `v`) are flat arrays of the objective's precision or trees like the parameters; what comes back has the form of what was given.
    `linearize` sets the point of all that follows.
    """

    def __init__(self, core, tree, notes, batches, why):
        self._core, self._tree, self._batches = core, tree, batches
        self._why = why
        self._notes = list(notes)
        # Counts the points, so that what was made of one knows when it is gone.
        self._points = 0
        # The point that was set last, unless something else moved it.
        self._w = None
        # The names and shapes of the parameters' tensors, one after the other, where they are known.
        self._layout = None

    @property
    def notes(self) -> list[str]:
        """Where the objective differs from the framework."""
        return list(self._notes)

    @property
    def why(self) -> str:
        """Why the batch is computed as it is: in parts, or as a whole."""
        return self._why

    @property
    def parts(self) -> int:
        """The equal parts of the batch that the loss is a mean over; 1 for a whole."""
        return self._batches.parts

    def replace(self, batch):
        """Takes another batch of the same shapes, without planning anew. The point is no longer set."""
        self._moved()
        self._batches.replace(batch)

    def close(self):
        """Frees the memory. Whatever is asked afterwards is a `StateError`."""
        self._core.close()
        self._batches.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def dim(self) -> int:
        """The number of parameters."""
        return self._core.dim

    @property
    def dtype(self) -> str:
        """`"f32"` or `"f64"`."""
        return self._core.dtype

    def __repr__(self):
        return f"Objective(dim={self.dim}, dtype={self.dtype!r})"

    def flatten(self, tree) -> np.ndarray:
        """A tree of parameters as a flat array; a flat array stays as it is."""
        precision = np.float64 if self.dtype == "f64" else np.float32
        if isinstance(tree, np.ndarray) and tree.ndim == 1 and tree.size == self.dim:
            if not (np.issubdtype(tree.dtype, np.floating) or np.issubdtype(tree.dtype, np.integer)):
                raise ArgumentError(f"expected an array of numbers, got one of {tree.dtype}")
            with np.errstate(over="ignore"):
                return np.ascontiguousarray(array_of("parameters", tree), precision)
        return self._tree[0](tree)

    def unflatten(self, flat):
        """A flat array as a tree of parameters."""
        flat = array_of("flat", flat)
        if flat.shape != (self.dim,):
            raise ArgumentError(f"expected a flat array of {self.dim} numbers, got one of shape {flat.shape}")
        return self._tree[1](flat)

    def _like(self, given, flat):
        return flat if isinstance(given, np.ndarray) and given.ndim == 1 and given.size == self.dim else self.unflatten(flat)

    def loss(self, w) -> float:
        """The loss at `w`. Cost: one forward pass. The point stays."""
        return self._core.loss(self.flatten(w))

    def linearize(self, w):
        """The loss and the gradient at `w`, the point of what is asked next. Cost: about 3 forward passes."""
        self._moved()
        flat = self.flatten(w)
        loss, gradient = self._core.linearize(flat)
        self._w = flat.copy() if flat is w else flat
        return loss, self._like(w, gradient)

    def _moved(self):
        """The point is another one, or none."""
        self._points += 1
        self._w = None

    def curvature(self, u) -> float:
        """`u . H u` at the point. Cost: about 2 forward passes after `linearize`."""
        return self._core.curvature(self.flatten(u))

    def hessian_vector(self, v):
        """`H v` at the point. Cost: about 4 forward passes."""
        return self._like(v, self._core.hessian_vector(self.flatten(v)))

    def gauss_newton_vector(self, v):
        """`G v` at the point, with the Gauss-Newton matrix `G = J' B J`: J the derivative of the model's outputs by the parameters, B the Hessian of the
        loss by the outputs. The objective must have been told the `outputs`. Cost: about 5 forward passes."""
        return self._like(v, self._core.gauss_newton_vector(self.flatten(v)))

    def top_eigenvalues(
        self, k: int = 1, *, tolerance: float = 1e-3, max_products: int = 200, seed: int = 0, preconditioner=None
    ) -> Eigenvalues:
        """The `k` largest eigenvalues of H at the point, by thick-restart Lanczos; with a `preconditioner`, a positive vector P like the parameters, those of
        `P^-1/2 H P^-1/2`, which bound the rates of a method that steps along `-P^-1 g`."""
        diagonal = None if preconditioner is None else self.flatten(preconditioner)
        values, bounds, converged, products = self._core.top_eigenvalues(
            count("k", k),
            tolerance=number("tolerance", tolerance),
            max_products=count("max_products", max_products),
            seed=seed_of(seed),
            preconditioner=diagonal,
        )
        return Eigenvalues(np.array(values), np.array(bounds), converged, products)

    def sharpness(self, k: int | None = None, *, tolerance: float = 1e-3, max_products: int = 200, seed: int = 0, preconditioner=None):
        """The largest eigenvalue of H at the point; with `k`, an array of the k largest ones; preconditioned as `top_eigenvalues` are. Warns where it is not as
        good as asked for."""
        options = {"tolerance": tolerance, "max_products": max_products, "seed": seed, "preconditioner": preconditioner}
        found = self.top_eigenvalues(1 if k is None else k, **options)
        if not found.converged:
            text = f"sharpness: {found.products} products gave {found.values.tolist()}, right to {found.bounds.tolist()}; try a larger max_products"
            warnings.warn(text, RuntimeWarning, stacklevel=2)
        return float(found.values[0]) if k is None else found.values

    def trace(self, *, samples: int = 32, relative_error: float = 0.1, seed: int = 0) -> Estimate:
        """The trace of H at the point, by random signs."""
        found = self._core.trace(samples=count("samples", samples), relative_error=number("relative_error", relative_error), seed=seed_of(seed))
        return Estimate(*found)

    def diagnostics(self, names, *, update=None, learning_rate: float | None = None, seed: int = 0, **settings) -> Diagnostics:
        """Diagnostics at the point, by the names of `onedge.entries("diagnostics")`, as those of runs are.

        Args:
            names: one name or several: `"trace"`, `"density"`, `"gauss-newton"`, `"layers"`, ...
            update: the step at unit learning rate, for those that look along it; minus the gradient by default.
            learning_rate: of that step, for those that compare with it.
            settings: settings of theirs: `trace_samples=64`.

        What has no value here is in `missing`, with the reason. `noise-scale`, `batch-sharpness`, `update-batch-sharpness` and `trace` with a
        `trace_batch` draw batches of single examples, of the size that they are given, as `noise_scale_batch=16`: the loss must be a mean over the examples of its
        batch.
        """
        from ._diagnostics import measured

        return measured(self, names, update, learning_rate, seed, settings)

    def as_scipy(self, matrix: str = "hessian"):
        """The Hessian at the point, or the `"gauss-newton"` matrix, as a `scipy.sparse.linalg.LinearOperator` of flat arrays. It is of this point alone: after the
        next `linearize` or `replace` its products are a `StateError`."""
        from ._operators import scipy_operator

        return scipy_operator(self, matrix)

    def as_jax(self):
        """The loss as a JAX function of the parameters, a tree or flat: `jax.grad` and Hessian-vector products of it (`jax.jvp` of `jax.grad`) are
        computed by onedge, through callbacks, also under `jit` and `vmap`."""
        from ._operators import jax_function

        return jax_function(self)

    def density(self, *, steps: int = 64, vectors: int = 4, seed: int = 0) -> np.ndarray:
        """The density of all eigenvalues of H at the point: rows of a value and its weight, by stochastic Lanczos quadrature."""
        return np.array(self._core.density(steps=count("steps", steps), vectors=count("vectors", vectors), seed=seed_of(seed)))
