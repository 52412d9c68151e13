"""The spectrum of the Hessian of a PyTorch model where it is: on its device, by its own derivatives."""

from __future__ import annotations

import contextlib

import numpy as np
import torch

from .. import _spectra
from .._errors import ArgumentError, NonFiniteError
from .._objective import Estimate
from .._spectra import Asked, Eigenpairs
from ._pass import Loss, Products
from ._preconditioner import diagonal_of
from ._space import Vectors


def sharpness(
    model,
    loss,
    batch,
    k: int = 1,
    *,
    tolerance: float = 1e-3,
    max_products: int = 200,
    preconditioner=None,
    gauss_newton: bool = False,
    outputs=None,
    warm_start: Eigenpairs | None = None,
    linear=(),
    seed: int = 0,
) -> Eigenpairs:
    """The `k` largest eigenvalues of the Hessian of a loss, with their vectors, on the device of the model.

    Args:
        model: a `torch.nn.Module` on any one device, in the modes that its modules have. Parameters, gradients, buffers and generators stay
            as they are. Of a `DistributedDataParallel`, which all its processes must measure at once, each on its own part of the batch,
            the mean over the processes is taken.
        loss: a criterion, where a batch is `(inputs, targets)`, or a function `loss(model, batch)` that gives one number. With `outputs`:
            `loss(outputs, batch)`.
        batch: a batch (a tensor, a tuple, a dict, a list of tensors), or several: a list of batches, a loader, an iterator. Of several the
            mean is taken, weighted by their examples; they are gone through once and kept.
        tolerance: a value has converged once its error is estimated at this share of it, and it is shown that no larger one is missing by
            more.
        max_products: matrix-vector products to spend at most.
        preconditioner: an optimizer of `torch.optim` with its state (Adam and its like, RMSprop, Adagrad), a `Tuned`, or a positive
            diagonal P in the form of the parameters: the values are then those of `P^-1/2 H P^-1/2`, which bound the rates of a method that
            steps along `-P^-1 g`.
        gauss_newton: of the Gauss-Newton matrix `J' B J`, J the derivative of the model's outputs, B the Hessian of the loss by them, in
            place of H.
        outputs: `outputs(model, batch)`, what the model says of a batch, one tensor. A criterion needs none.
        warm_start: what an earlier call returned, of the same parameters: the search goes on from its vectors. That saves products where
            the values asked for stand out and the point has moved little; to show that nothing is hidden beside them takes as many as ever.
        linear: classes of `torch.autograd.Function` that are linear, although they keep tensors.
        seed: of random vectors.

    Returns:
        Eigenpairs: `values`, `bounds`, `errors`, `converged`, `products`, `vectors`; `float(found)` is the largest. A `RuntimeWarning` says
        where they are not as good as asked for.

    Raises:
        ArgumentError: what does not fit; UnsupportedError: an operation without second derivatives, parameters on several devices or
        sharded; NonFiniteError: a product that is not finite.

    Cost: a forward pass and 1.5 backward passes, which are kept, and about a gradient a product (two with `gauss_newton`); of several
    batches each product takes the passes anew.
    Memory: what the graph keeps, and a vector of single or double precision for each product, up to 64 (or 4 k + 4). One synchronisation
    with the device a product for the numbers of the method, two to four where several vectors are followed at once. Attention and recurrent
    layers are computed by kernels that have second derivatives.
    """
    asked = Asked.of(k, "largest", tolerance, max_products, seed, warm_start)
    with _space(model, loss, batch, outputs, preconditioner, gauss_newton, linear) as space:
        return _spectra.top(space, asked, "sharpness")


def top(
    model,
    loss,
    batch,
    k: int = 5,
    *,
    which: str = "largest",
    tolerance: float = 1e-3,
    max_products: int = 400,
    preconditioner=None,
    gauss_newton: bool = False,
    outputs=None,
    warm_start: Eigenpairs | None = None,
    linear=(),
    seed: int = 0,
) -> Eigenpairs:
    """The `k` eigenvalues at an end of the spectrum, as `sharpness` has them: the `"largest"`, those of largest `"magnitude"`, or `"both"`
    (up to `2 k`, each once)."""
    asked = Asked.of(k, which, tolerance, max_products, seed, warm_start)
    with _space(model, loss, batch, outputs, preconditioner, gauss_newton, linear) as space:
        return _spectra.top(space, asked, "top")


def gauss_newton(
    model,
    loss,
    batch,
    k: int = 1,
    *,
    tolerance: float = 1e-3,
    max_products: int = 200,
    preconditioner=None,
    outputs=None,
    warm_start: Eigenpairs | None = None,
    linear=(),
    seed: int = 0,
) -> Eigenpairs:
    """The `k` largest eigenvalues of the Gauss-Newton matrix `J' B J`, as `sharpness(gauss_newton=True)` has them. Near the end of training
    they are those of H."""
    asked = Asked.of(k, "largest", tolerance, max_products, seed, warm_start)
    with _space(model, loss, batch, outputs, preconditioner, True, linear) as space:
        return _spectra.top(space, asked, "gauss_newton")


def trace(
    model,
    loss,
    batch,
    *,
    samples: int = 32,
    relative_error: float = 0.1,
    method: str = "hutchinson",
    preconditioner=None,
    gauss_newton: bool = False,
    outputs=None,
    linear=(),
    seed: int = 0,
) -> Estimate:
    """The trace of the Hessian with its standard error. What a model, a loss and a batch are, `sharpness` says.

    Args:
        samples: products at most (`hutchinson`), or in all (`hutch++`, 6 or more).
        relative_error: `hutchinson` ends once the standard error is this share of the value.
        method: `"hutchinson"`, the mean of `z . H z` over random signs z; or `"hutch++"`, which takes what a third of the products span
            exactly: better where few eigenvalues dominate.

    Cost: about a gradient a product. Memory: four vectors, and 4096 numbers a sample; a third as many vectors as products for `hutch++`.
    """
    with _space(model, loss, batch, outputs, preconditioner, gauss_newton, linear) as space:
        return _spectra.trace(space, samples, relative_error, method, seed)


def density(
    model,
    loss,
    batch,
    *,
    steps: int = 64,
    vectors: int = 4,
    preconditioner=None,
    gauss_newton: bool = False,
    outputs=None,
    linear=(),
    seed: int = 0,
) -> np.ndarray:
    """The density of all eigenvalues of the Hessian: rows of a value and its weight, which sum to 1, by stochastic Lanczos quadrature from
    `vectors` random vectors. What a model, a loss and a batch are, `sharpness` says.

    Cost: `steps * vectors` products. Memory: `steps + 3` vectors.
    """
    with _space(model, loss, batch, outputs, preconditioner, gauss_newton, linear) as space:
        return _spectra.density(space, steps, vectors, seed)


@contextlib.contextmanager
def _space(model, loss, batch, outputs, preconditioner, gauss_newton, linear):
    """The vectors of a model with its Hessian, while the model stays as it is."""
    if not isinstance(gauss_newton, bool):
        raise ArgumentError(f"gauss_newton: expected True or False, got {gauss_newton!r}")
    known = loss if isinstance(loss, Loss) else Loss(model, loss, outputs, linear)
    with known.untouched():
        products = Products(known, batch, gauss_newton)
        yield space_of(known, products, preconditioner)


def space_of(loss: Loss, products, preconditioner) -> Vectors:
    """The space of a loss."""
    sizes, shapes = [p.numel() for p in loss.parameters], [p.shape for p in loss.parameters]

    def form(flat):
        return {name: part.view(shape) for name, part, shape in zip(loss.names, flat.split(sizes), shapes)}

    diagonal = None if preconditioner is None else diagonal_of(preconditioner, loss.names, loss.parameters)
    if diagonal is not None and not bool(((diagonal > 0) & torch.isfinite(diagonal)).all()):
        raise (NonFiniteError if bool(diagonal.isnan().any()) else ArgumentError)(
            "preconditioner: expected positive finite numbers; try a larger eps of the optimizer"
        )
    return Vectors(products, loss.parameters, form, diagonal)
