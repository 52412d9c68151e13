#!/usr/bin/env python3
"""How many Hessian-vector products onedge and three packages take for the sharpness of PyTorch models, at the same residual.

    pip install torch pyhessian hessian-eigenthings curvlinops-for-pytorch
    python tools/python/products_peers.py [residual ...]

Each method is asked for less and less until the true residual |H v - value v| / value of what it returns, recomputed in double precision,
is at most the one wanted: the products of that call are told, with the error of the value. curvlinops is SciPy's `eigsh` (ARPACK) on its
operator, PyHessian power iteration, hessian-eigenthings Lanczos's method of a number of steps.
"""

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import scipy.sparse.linalg
import speed_peers
import torch

import onedge.torch

# Of each batch: products do not depend on their time.
EXAMPLES = 16
TOLERANCES = [10.0**-i for i in range(1, 5)]


class Exact:
    """H of a model in double precision."""

    def __init__(self, model, criterion, batch):
        model = model.double()
        x = batch[0].double() if batch[0].is_floating_point() else batch[0]
        self.parameters = list(model.parameters())
        parts = torch.autograd.grad(criterion(model(x), batch[1]), self.parameters, create_graph=True)
        self.flat = torch.cat([part.reshape(-1) for part in parts])
        self.dim = self.flat.numel()
        h = scipy.sparse.linalg.LinearOperator((self.dim, self.dim), matvec=self, dtype=np.float64)
        self.value = scipy.sparse.linalg.eigsh(h, k=1, which="LA", tol=1e-7, return_eigenvectors=False)[0]

    def __call__(self, v):
        v = torch.from_numpy(np.ascontiguousarray(v.reshape(-1), np.float64))
        return torch.cat([part.reshape(-1) for part in torch.autograd.grad(self.flat @ v, self.parameters, retain_graph=True)]).numpy()

    def residual(self, v):
        """Of a vector, with its own value."""
        v = v / np.linalg.norm(v)
        product = self(v)
        value = v @ product
        return np.linalg.norm(product - value * v) / abs(value), abs(value / self.value - 1)


def by_onedge(model, criterion, batch, tolerance):
    found = onedge.torch.sharpness(model, criterion, batch, tolerance=tolerance, max_products=1000)
    return found.products, found._flat[0].double().numpy()


def by_pyhessian(model, criterion, batch, tolerance):
    import pyhessian  # noqa: F401

    # The package has its class where the module was.
    module = sys.modules["pyhessian.hessian"]
    counted, before = [], module.hessian_vector_product
    module.hessian_vector_product = lambda *arguments: counted.append(1) or before(*arguments)
    try:
        found = module.hessian(model, criterion, data=batch, cuda=False).eigenvalues(maxIter=300, tol=tolerance, top_n=1)
    finally:
        module.hessian_vector_product = before
    return len(counted), torch.cat([part.reshape(-1) for part in found[1][0]]).double().numpy()


def by_curvlinops(model, criterion, batch, tolerance):
    import curvlinops

    params = {name: p for name, p in model.named_parameters() if p.requires_grad}
    try:
        h = curvlinops.HessianLinearOperator(model, criterion, params, [batch], check_deterministic=False)
    except (TypeError, ValueError, AttributeError):
        h = curvlinops.HessianLinearOperator(model, criterion, list(params.values()), [batch], check_deterministic=False)
    h, counted = h.to_scipy(), []
    dim = h.shape[0]
    operator = scipy.sparse.linalg.LinearOperator((dim, dim), matvec=lambda v: counted.append(1) or h @ v.astype(np.float32).reshape(-1), dtype=np.float32)
    _, vectors = scipy.sparse.linalg.eigsh(operator, k=1, which="LA", tol=tolerance, v0=np.random.default_rng(0).normal(size=dim).astype(np.float32))
    return len(counted), vectors[:, 0].astype(np.float64)


def by_eigenthings(model, criterion, batch, tolerance):
    from hessian_eigenthings import HessianOperator, LambdaOperator, lanczos, supervised_loss

    h, counted = HessianOperator(model, [batch], supervised_loss(criterion)), []
    operator = LambdaOperator(lambda v: counted.append(1) or h.matvec(v), size=h.size, device=h.device, dtype=h.dtype)
    # Its own rule needs the number of steps: the first power of two that converges, whose products alone count.
    for steps in (8, 16, 32, 64, 128):
        counted.clear()
        found = lanczos(operator, k=1, max_iter=steps, tol=tolerance, which="LA", seed=0)
        if bool(np.all(np.asarray(getattr(found, "converged", True)))):
            break
    return len(counted), found.eigenvectors[0].double().numpy()


WAYS = {"onedge": by_onedge, "curvlinops": by_curvlinops, "hessian-eigenthings": by_eigenthings, "PyHessian": by_pyhessian}


def main():
    torch.set_num_threads(1)
    wanted = [float(word) for word in sys.argv[1:]] or [1e-2]
    # Not the ResNet, of whose group norms curvlinops has no products.
    for build in (speed_peers.convnet, speed_peers.transformer, speed_peers.mlp):
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            torch.manual_seed(0)
            model, criterion, batch = build()
            batch = (batch[0][:EXAMPLES], batch[1][: len(batch[1]) * EXAMPLES // len(batch[0])])
            steps = torch.optim.SGD(model.parameters(), 0.1)
            for _ in range(30):
                steps.zero_grad()
                criterion(model(batch[0]), batch[1]).backward()
                steps.step()
            model.eval()
            told = {}
            for name, way in WAYS.items():
                for tolerance in TOLERANCES:
                    try:
                        told.setdefault(name, []).append(way(model, criterion, batch, tolerance))
                    except Exception as problem:  # noqa: BLE001  (a peer that fails is told, the others go on)
                        print(f"  {name} failed: {type(problem).__name__}: {problem}"[:150])
                        break
                    if name != "onedge" and told[name][-1][0] >= 1000:
                        break
            exact = Exact(model, criterion, batch)
        print(f"{build.__name__}: sharpness {exact.value:.4f}, {exact.dim} parameters", flush=True)
        for residual in wanted:
            for name, calls in told.items():
                good = [(products, *exact.residual(v)) for products, v in calls]
                best = min((call for call in good if call[1] <= residual), default=None)
                if not good:
                    continue
                if best is None:
                    print(f"  residual {residual:.0e} {name:20s} not reached, {good[-1][1]:.1e} at best in {good[-1][0]} products")
                else:
                    print(f"  residual {residual:.0e} {name:20s} {best[0]:4d} products, residual {best[1]:.1e}, error of the value {best[2]:.0e}", flush=True)


if __name__ == "__main__":
    main()
