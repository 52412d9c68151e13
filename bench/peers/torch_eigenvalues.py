"""The largest eigenvalue of the Hessian by PyHessian and by curvlinops with SciPy's ARPACK, on the dense networks."""

import sys
import time
import warnings

import numpy as np
import torch
from safetensors.torch import save_file
from scipy.sparse.linalg import LinearOperator, eigsh

import problem

warnings.filterwarnings("ignore")  # on reference cycles and torch.jit, from inside of the two libraries

import pyhessian
from curvlinops import HessianLinearOperator

PYHESSIAN = sys.modules["pyhessian.hessian"]  # the module: the package shadows its name by the class


def clocks():
    """Seconds on the wall, and seconds for which this process had the processor."""
    return np.array([time.perf_counter(), time.process_time()])


class Enough(Exception):
    """The residual is small enough."""


class Watch:
    """Counts PyHessian's products and, given a tolerance, ends the iteration before the product that is not needed any more.

    `stopped` is when that was, and `spent` the time of judging until then, which is not PyHessian's.
    """

    def __init__(self, tolerance=None):
        self.tolerance, self.products, self.spent, self.value = tolerance, 0, 0.0, None

    def __enter__(self):
        self.original, PYHESSIAN.hessian_vector_product = PYHESSIAN.hessian_vector_product, self.product
        return self

    def __exit__(self, kind, *_):
        PYHESSIAN.hessian_vector_product = self.original
        return kind is Enough

    def product(self, gradients, parameters, v):
        self.stopped = clocks()
        product = self.original(gradients, parameters, v)
        if self.tolerance is not None:
            multiplied = clocks()
            self.vector = v
            if self.value is not None and residual(self.value, v, product) <= self.tolerance:
                raise Enough
            self.value = float(dot(v, product))
            self.spent += clocks() - multiplied
        self.products += 1
        return product


def dot(a, b):
    return sum(torch.sum(p * q) for p, q in zip(a, b))


def residual(value, v, product):
    """|Hv - value v| / |value|, for a v whose length is 1."""
    return float(sum(torch.sum((p - value * q) ** 2) for p, q in zip(product, v)) ** 0.5) / abs(value)


class Dense:
    """A dense network of the benchmark as a user of PyTorch has it: modules, a loss, one batch."""

    def __init__(self, name):
        network = problem.NETWORKS[name]
        activation = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[network.activation]
        modules = []
        for weight, bias in problem.layers(problem.weights(network)):
            layer = torch.nn.Linear(*weight.shape)
            layer.weight.data, layer.bias.data = torch.tensor(weight.T.copy()), torch.tensor(bias)
            modules += [layer, activation()]
        self.model = torch.nn.Sequential(*modules[:-1])
        self.parameters = list(self.model.parameters())
        squared = network.loss == "squared"
        # MSELoss is the mean over examples and outputs of the square; the benchmark's loss has half the sum over outputs.
        self.loss, self.scale = (torch.nn.MSELoss(), network.outputs / 2) if squared else (torch.nn.CrossEntropyLoss(), 1.0)
        target = problem.one_hot(network) if squared else problem.labels(network)
        self.batch = torch.tensor(problem.images(network)).flatten(1), torch.tensor(target)

    def descend(self, steps, rate):
        """Gradient descent; the loss before the last step."""
        optimizer = torch.optim.SGD(self.parameters, lr=rate * self.scale)
        for _ in range(steps):
            optimizer.zero_grad()
            loss = self.loss(self.model(self.batch[0]), self.batch[1])
            loss.backward()
            optimizer.step()
        return self.scale * float(loss)

    def save(self, path):
        """As docs/PARAMETERS.md says."""
        layers = [module for module in self.model if isinstance(module, torch.nn.Linear)]
        named = {f"layers.{i}.weight": layer.weight.detach().t().contiguous() for i, layer in enumerate(layers)}
        save_file(named | {f"layers.{i}.bias": layer.bias.detach() for i, layer in enumerate(layers)}, path)

    def found(self, value, residual, products, seconds):
        found = {"value": self.scale * float(value), "residual": residual, "products": products}
        return found | dict(zip(("seconds", "processor_seconds"), map(float, seconds)))

    def pyhessian(self, seed, tolerance=None):
        """PyHessian's power iteration as it stops by itself; or ended where its pair has a residual of `tolerance`."""
        torch.manual_seed(seed)
        start = clocks()
        hessian = pyhessian.hessian(self.model, self.loss, data=self.batch, cuda=False)
        with Watch(tolerance) as watch:
            if tolerance is None:
                values, vectors = hessian.eigenvalues()
                watch.stopped, watch.value, watch.vector = clocks(), values[0], vectors[0]
            else:
                hessian.eigenvalues(maxIter=10_000, tol=0.0)
        seconds = watch.stopped - watch.spent - start
        product = pyhessian.hessian_vector_product(hessian.gradsH, hessian.params, watch.vector)
        left = residual(watch.value, watch.vector, product)
        self.model.zero_grad()  # breaks the cycle between parameters and the graph of their gradients
        return self.found(watch.value, left, watch.products, seconds)

    def curvlinops(self, seed, tolerance, ncv=None):
        """ARPACK on curvlinops' Hessian with `ncv` vectors (20 by default); its tolerance bounds the same residual."""
        first = np.random.default_rng(seed).standard_normal(sum(p.numel() for p in self.parameters)).astype(np.float32)
        products = 0

        def multiply(v):
            nonlocal products
            products += 1
            return hessian @ v

        start = clocks()
        options = {"check_deterministic": False}  # a safeguard that costs products
        hessian = HessianLinearOperator(self.model, self.loss, self.parameters, [self.batch], **options).to_scipy()
        counted = LinearOperator(hessian.shape, matvec=multiply, dtype=hessian.dtype)
        values, vectors = eigsh(counted, k=1, which="LA", tol=tolerance, ncv=ncv, v0=first)
        seconds = clocks() - start
        v = vectors[:, 0]
        left = float(np.linalg.norm(hessian @ v - values[0] * v) / abs(values[0]))
        return self.found(values[0], left, products, seconds)
