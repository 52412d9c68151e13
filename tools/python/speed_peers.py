#!/usr/bin/env python3
"""The sharpness of PyTorch models by onedge and by three packages, with what each takes: everything from the model to the number.

    pip install torch pyhessian hessian-eigenthings curvlinops-for-pytorch
    python tools/python/speed_peers.py [repeats]

One thread each, interleaved, medians. Each is asked for an error of 1e-3, and for less where it gave more: the truth is ARPACK's in double precision to
1e-9. onedge is timed twice: from the model on, and at another point of an objective that is there, as along a training run; the others have nothing to keep.
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


class Block(nn.Module):
    """Two convolutions around which the input goes."""

    def __init__(self, before, after, stride):
        super().__init__()
        self.one = nn.Conv2d(before, after, 3, stride, 1)
        self.two = nn.Conv2d(after, after, 3, 1, 1)
        self.norms = nn.ModuleList([nn.GroupNorm(8, after), nn.GroupNorm(8, after)])
        self.around = nn.Conv2d(before, after, 1, stride) if before != after else nn.Identity()

    def forward(self, x):
        h = torch.relu(self.norms[0](self.one(x)))
        return torch.relu(self.norms[1](self.two(h)) + self.around(x))


def resnet():
    widths = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
    blocks = [Block(a, b, 1 if a == b else 2) for a, b in zip(widths, widths[1:])]
    model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return model, nn.CrossEntropyLoss(), (torch.randn(64, 3, 32, 32), torch.randint(0, 10, (64,)))


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


def by_onedge(model, criterion, batch, tolerance):
    o = onedge.torch.objective(model, criterion, batch, threads=1)
    o.linearize(o.parameters())
    return o.sharpness(tolerance=tolerance)


KEPT = {}


def by_onedge_again(model, criterion, batch, tolerance):
    o = KEPT[model]
    o.linearize(o.parameters())
    return o.sharpness(tolerance=tolerance)


def by_pyhessian(model, criterion, batch, tolerance):
    from pyhessian import hessian

    return hessian(model, criterion, data=batch, cuda=False).eigenvalues(maxIter=1000, tol=tolerance, top_n=1)[0][0]


def by_curvlinops(model, criterion, batch, tolerance):
    import curvlinops

    params = {name: p for name, p in model.named_parameters() if p.requires_grad}
    try:
        h = curvlinops.HessianLinearOperator(model, criterion, params, [batch], check_deterministic=False)
    except (TypeError, ValueError, AttributeError):
        h = curvlinops.HessianLinearOperator(model, criterion, list(params.values()), [batch], check_deterministic=False)
    h = h.to_scipy() if hasattr(h, "to_scipy") else h
    return scipy.sparse.linalg.eigsh(h, k=1, which="LA", tol=tolerance, return_eigenvectors=False)[0]


def by_eigenthings(model, criterion, batch, tolerance):
    from hessian_eigenthings import HessianOperator, lanczos, supervised_loss

    h = HessianOperator(model, [batch], supervised_loss(criterion))
    # Its own stopping rule needs the number of steps: the first power of two that converges.
    for steps in (16, 32, 64, 128):
        found = lanczos(h, k=1, max_iter=steps, tol=tolerance, which="LA", seed=0)
        if bool(np.all(np.asarray(getattr(found, "converged", True)))):
            break
    return float(found.eigenvalues[0])


WAYS = {"onedge": by_onedge, "onedge, again": by_onedge_again, "PyHessian": by_pyhessian, "curvlinops": by_curvlinops, "hessian-eigenthings": by_eigenthings}


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
        for build in (mlp, convnet, resnet, transformer):
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
            KEPT[model] = onedge.torch.objective(model, criterion, batch, threads=1)
            asked, found = {}, {}
            for name, way in WAYS.items():
                for tolerance in (1e-3, 1e-4, 1e-5, 1e-6):
                    try:
                        asked[name], found[name] = tolerance, abs(way(model, criterion, batch, tolerance) / exact - 1)
                    except Exception as problem:  # noqa: BLE001  (a peer that fails is told, the others go on)
                        print(f"  {name} failed: {type(problem).__name__}: {problem}"[:100])
                        break
                    if found[name] < 1e-3:
                        break
            times = {name: [] for name in found}
            for _ in range(repeats):
                for name in times:
                    start = time.perf_counter()
                    WAYS[name](model, criterion, batch, asked[name])
                    times[name].append(time.perf_counter() - start)
            ours = np.median(times["onedge"])
            print(f"{build.__name__}: sharpness {exact:.4f}, {sum(p.numel() for p in model.parameters())} parameters")
            for name, seconds in times.items():
                took = np.median(seconds)
                print(f"  {name:20s} {took:7.3f} s, {took / ours:5.2f} of onedge's  error {found[name]:.0e}, asked for {asked[name]:.0e}")


if __name__ == "__main__":
    main()
