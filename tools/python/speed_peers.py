#!/usr/bin/env python3
"""The sharpness of PyTorch models by onedge and by three packages, with what each takes: everything from the model to the number.

    pip install torch pyhessian hessian-eigenthings curvlinops-for-pytorch
    python tools/python/speed_peers.py [repeats]

One thread each, interleaved, medians. The truth is ARPACK's in double precision to 1e-9.
"""

import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import scipy.sparse.linalg
import torch
from torch import nn

import onedge.torch


def mlp():
    model = nn.Sequential(nn.Linear(784, 256), nn.Tanh(), nn.Linear(256, 256), nn.Tanh(), nn.Linear(256, 10))
    return model, nn.CrossEntropyLoss(), (torch.randn(512, 784), torch.randint(0, 10, (512,)))


def convnet():
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 64, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    return model, nn.CrossEntropyLoss(), (torch.randn(128, 3, 32, 32), torch.randint(0, 10, (128,)))


class Tokens(nn.Module):
    """A small transformer of tokens."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(64, 64)
        layer = nn.TransformerEncoderLayer(64, 4, 256, dropout=0.0, batch_first=True, norm_first=True, activation="gelu")
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(64, 64)

    def forward(self, tokens):
        return self.out(self.layers(self.embed(tokens))).flatten(0, 1)


def transformer():
    return Tokens(), nn.CrossEntropyLoss(), (torch.randint(0, 64, (16, 32)), torch.randint(0, 64, (16 * 32,)))


def by_onedge(model, criterion, batch):
    o = onedge.torch.objective(model, criterion, batch, threads=1)
    o.linearize(o.parameters())
    return o.sharpness(tolerance=1e-3)


def by_pyhessian(model, criterion, batch):
    from pyhessian import hessian

    return hessian(model, criterion, data=batch, cuda=False).eigenvalues(maxIter=200, tol=1e-3, top_n=1)[0][0]


def by_curvlinops(model, criterion, batch):
    import curvlinops

    params = {name: p for name, p in model.named_parameters() if p.requires_grad}
    try:
        h = curvlinops.HessianLinearOperator(model, criterion, params, [batch], check_deterministic=False)
    except (TypeError, ValueError, AttributeError):
        h = curvlinops.HessianLinearOperator(model, criterion, list(params.values()), [batch], check_deterministic=False)
    h = h.to_scipy() if hasattr(h, "to_scipy") else h
    return scipy.sparse.linalg.eigsh(h, k=1, which="LA", tol=1e-3, return_eigenvectors=False)[0]


def by_eigenthings(model, criterion, batch):
    from hessian_eigenthings import HessianOperator, lanczos, supervised_loss

    h = HessianOperator(model, [batch], supervised_loss(criterion))
    # Its own stopping rule needs the number of steps: the first power of two that converges.
    for steps in (16, 32, 64, 128):
        found = lanczos(h, k=1, max_iter=steps, tol=1e-3, which="LA", seed=0)
        if bool(np.all(np.asarray(getattr(found, "converged", True)))):
            break
    return float(found.eigenvalues[0])


WAYS = {"onedge": by_onedge, "PyHessian": by_pyhessian, "curvlinops": by_curvlinops, "hessian-eigenthings": by_eigenthings}


def truth(model, criterion, batch):
    model = model.double()
    x = batch[0].double() if batch[0].is_floating_point() else batch[0]
    params = list(model.parameters())
    loss = criterion(model(x), batch[1])
    gradient = torch.autograd.grad(loss, params, create_graph=True)
    flat = torch.cat([part.reshape(-1) for part in gradient])

    def product(v):
        parts = torch.autograd.grad(flat @ torch.from_numpy(v), params, retain_graph=True)
        return torch.cat([part.reshape(-1) for part in parts]).numpy()

    h = scipy.sparse.linalg.LinearOperator((flat.numel(),) * 2, matvec=lambda v: product(np.ascontiguousarray(v.reshape(-1))), dtype=np.float64)
    value = scipy.sparse.linalg.eigsh(h, k=1, which="LA", tol=1e-9, return_eigenvectors=False)[0]
    model.float()
    return value


def main():
    torch.set_num_threads(1)
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        for build in (mlp, convnet, transformer):
            torch.manual_seed(0)
            model, criterion, batch = build()
            # A few steps, as a fresh model has little curvature.
            steps = torch.optim.SGD(model.parameters(), 0.1)
            for _ in range(30):
                steps.zero_grad()
                criterion(model(batch[0]), batch[1]).backward()
                steps.step()
            model.eval()
            exact = truth(model, criterion, batch)
            times, errors = {name: [] for name in WAYS}, {}
            for _ in range(repeats):
                for name, way in WAYS.items():
                    start = time.perf_counter()
                    try:
                        value = way(model, criterion, batch)
                    except Exception as problem:  # noqa: BLE001  (a peer that fails is told, the others go on)
                        errors.setdefault(name, f"failed: {type(problem).__name__}: {problem}"[:100])
                        continue
                    times[name].append(time.perf_counter() - start)
                    errors[name] = f"relative error {abs(value / exact - 1):.1e}"
            ours = np.median(times["onedge"])
            print(f"{build.__name__}: sharpness {exact:.4f}, {sum(p.numel() for p in model.parameters())} parameters")
            for name, seconds in times.items():
                took = f"{np.median(seconds):7.3f} s, {np.median(seconds) / ours:5.1f} of onedge's" if seconds else " " * 30
                print(f"  {name:20s} {took}  {errors.get(name, '')}")


if __name__ == "__main__":
    main()
