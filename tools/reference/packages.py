#!/usr/bin/env python3
"""200 steps of every optimizer and tuner by the package that its users run, in float64, for crates/tune/tests.

    pip install torch optax schedulefree prodigyopt dadaptation dog-optimizer lion-pytorch matplotlib
    PYTHONPATH=SLS:PAL/PyTorch python3 packages.py ../../crates/tune/tests/reference/packages.csv

SLS and PAL are the repositories IssamLaradji/sls (commit 1934653) and cogsys-tuebingen/PAL (commit 5b020d5), which are in no
registry. Every package runs at its own defaults, but for what stands here as an argument: rates, which have no default in
onedge; and what `WHY` says.

The problems: 60 parameters in five tensors, w_i = cos(0.9 i) / 8 at first, and 12 examples
a_j = 6 sin(1 + 0.37 i + 1.9 k + 0.11 i k) / sqrt(60), k = j mod 10, of which the loss is the mean of log(1 + exp(-y_j a_j.w)), y_j = 1 for even j
and -1 for odd ("logistic", convex), or of (tanh(a_j.w) - t_j)^2 / 2, t_j = 0.6 sin(2 + 1.3 j) ("tanh"), there with
a_j / 6, as long steps are chaotic otherwise. What looks for a rate along a line is tried on the first with 4 a_j, too ("steep").

A row holds the loss before a step, and after it the parameters (those at which the package evaluates gradients) as
sums of w_i cos(i) and w_i sin(i / 2), for steps 1, 2, 5, 10 and each twentieth.
"""

import sys

import jax

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")

import dadaptation
import dog
import jax.numpy as jnp
import lion_pytorch
import numpy as np
import optax
import pal_optimizer
import prodigyopt
import schedulefree
import sls
import torch
from optax import contrib

torch.set_default_dtype(torch.float64)
if not torch.cuda.is_available():
    # PAL keeps the state of the random numbers of a GPU, be there one or not.
    torch.cuda.get_rng_state = torch.cuda.set_rng_state = lambda *_: None

SHAPES = {"a": (3, 4), "b": (4,), "c": (4, 5), "d": (6, 3), "e": (3, 2)}
HIDDEN = ("c", "d")
STEPS = 200
KEPT = [1, 2, 5, 10] + list(range(20, STEPS + 1, 20))
STARTS = np.cumsum([0] + [int(np.prod(s)) for s in SHAPES.values()])
DIM, EXAMPLES = 60, 12

i, j = np.arange(DIM), np.arange(EXAMPLES)[:, None] % 10
A = 6 * np.sin(1 + 0.37 * i + 1.9 * j + 0.11 * i * j) / np.sqrt(DIM)
Y = np.where(np.arange(EXAMPLES) % 2 == 0, 1.0, -1.0)
TARGETS = 0.6 * np.sin(2 + 1.3 * np.arange(EXAMPLES))


def logistic(w, a):
    margin = Y * (a @ w)
    small = np.exp(-np.abs(margin))
    loss = np.maximum(-margin, 0) + np.log1p(small)
    share = np.where(margin >= 0, small, 1.0) / (1 + small)
    return loss.mean(), a.T @ (-Y * share) / EXAMPLES


def tanh(w, a):
    out = np.tanh(a @ w)
    off = out - TARGETS
    return (off**2).mean() / 2, a.T @ (off * (1 - out**2)) / EXAMPLES


# The loss, and what a_j is multiplied by.
PROBLEMS = {"logistic": (logistic, 1), "tanh": (tanh, 1 / 6), "steep": (logistic, 4)}
ON = {name: ["logistic", "tanh", "steep"] for name in ["polyak", "armijo", "dog", "dowg", "pal", "sls"]}


def parts(flat):
    return {k: flat[a:b].reshape(SHAPES[k]) for k, a, b in zip(SHAPES, STARTS, STARTS[1:])}


def flat(tensors):
    return np.concatenate([np.asarray(t).reshape(-1) for t in tensors])


def by_torch(make):
    """`make(parameters)` is an optimizer that is given gradients."""

    def run(problem, w):
        tensors = [torch.nn.Parameter(torch.tensor(t)) for t in parts(w).values()]
        optimizer = make(tensors)
        if hasattr(optimizer, "train"):
            optimizer.train()
        for _ in range(STEPS):
            loss, g = problem[0](flat([t.detach() for t in tensors]), A * problem[1])
            for t, part in zip(tensors, parts(g).values()):
                t.grad = torch.tensor(part)
            optimizer.step()
            yield loss, flat([t.detach() for t in tensors])

    return run


def by_closure(make, step):
    """The same with a closure, differentiated by PyTorch."""

    def run(problem, w):
        (loss_and_gradient, times), a = problem, torch.tensor(A * problem[1])

        def loss_of(tensors):
            z = a @ torch.cat([t.reshape(-1) for t in tensors])
            if loss_and_gradient is logistic:
                return torch.nn.functional.softplus(-torch.tensor(Y) * z, threshold=1e9).mean()
            return ((torch.tanh(z) - torch.tensor(TARGETS)) ** 2).mean() / 2

        tensors = [torch.nn.Parameter(torch.tensor(t)) for t in parts(w).values()]
        optimizer = make(tensors)
        for _ in range(STEPS):
            loss, _ = loss_and_gradient(flat([t.detach() for t in tensors]), A * times)
            optimizer.zero_grad()
            step(optimizer, lambda: loss_of(tensors))
            yield loss, flat([t.detach() for t in tensors])

    return run


def by_optax(optimizer, on_line=False):
    """A transformation of Optax; `on_line` for one that asks for losses."""

    def run(problem, w):
        w = parts(jnp.asarray(w))
        state = optimizer.init(w)

        def value_fn(w):
            z = jnp.asarray(A * problem[1]) @ jnp.concatenate([w[k].reshape(-1) for k in SHAPES])
            if problem[0] is logistic:
                return jax.nn.softplus(-jnp.asarray(Y) * z).mean()
            return ((jnp.tanh(z) - jnp.asarray(TARGETS)) ** 2).mean() / 2

        update = jax.jit(lambda g, state, w, loss: optimizer.update(
            g, state, w, **({"value": loss, "grad": g, "value_fn": value_fn} if on_line else {})))
        for _ in range(STEPS):
            loss, g = problem[0](flat(w[k] for k in SHAPES), A * problem[1])
            u, state = update({k: jnp.asarray(v) for k, v in parts(g).items()}, state, w, loss)
            w = optax.apply_updates(w, u)
            yield loss, flat(w[k] for k in SHAPES)

    return run


def pal_step(optimizer, loss):
    def closure(backward=True):
        value = loss()
        if backward:
            value.backward()
        return value, None

    optimizer.step(closure)


T, O = torch.optim, optax


def double(schedule):
    """The schedule in float64: from Optax's count, a whole number of 32 bits, it comes in float32."""
    return O.sgd(lambda count: schedule(count.astype(jnp.float64)))


def muon():
    # eps as the author's code and torch.optim.Muon; Optax has 1e-8.
    hidden = contrib.muon(0.02, eps=1e-7)
    rest = optax.adamw(0.015 * 0.02, b1=0.9, b2=0.95, eps=1e-10, weight_decay=0.0)
    return optax.partition({"hidden": hidden, "rest": rest}, {k: "hidden" if k in HIDDEN else "rest" for k in SHAPES})


OPTIMIZERS = {
    "gd": by_torch(lambda p: T.SGD(p, lr=0.1)),
    "momentum": by_torch(lambda p: T.SGD(p, lr=0.1, momentum=0.9)),
    "nesterov": by_torch(lambda p: T.SGD(p, lr=0.1, momentum=0.9, nesterov=True)),
    "adagrad": by_optax(O.adagrad(0.1)),
    "rmsprop": by_optax(O.rmsprop(1e-3, decay=0.999)),
    "adam": by_torch(lambda p: T.Adam(p)),
    "adamw": by_torch(lambda p: T.AdamW(p)),
    "lamb": by_optax(O.lamb(1e-2)),
    "lion": by_torch(lambda p: lion_pytorch.Lion(p, lr=1e-3)),
    "muon": by_optax(muon()),
    "d-adapt-sgd": by_torch(lambda p: dadaptation.DAdaptSGD(p)),
    "d-adapt-adam": by_torch(lambda p: dadaptation.DAdaptAdam(p)),
    "prodigy": by_torch(lambda p: prodigyopt.Prodigy(p)),
    "mechanic": by_optax(contrib.mechanize(O.sgd(1.0))),
    "schedule-free-sgd": by_torch(lambda p: schedulefree.SGDScheduleFree(p)),
    "schedule-free-adamw": by_torch(lambda p: schedulefree.AdamWScheduleFree(p)),
    "exponential": by_optax(double(O.exponential_decay(0.5, transition_steps=20, decay_rate=0.7))),
    "step": by_optax(double(O.exponential_decay(0.5, transition_steps=50, decay_rate=0.1, staircase=True))),
    "warmup-cosine": by_optax(double(O.warmup_cosine_decay_schedule(0.0, 0.5, 20, STEPS))),
    "warmup-linear": by_optax(double(O.join_schedules(
        [O.linear_schedule(0.0, 0.5, 20), O.linear_schedule(0.5, 0.0, STEPS - 20)], [20]))),
    "warmup-constant": by_optax(double(O.warmup_constant_schedule(0.0, 0.5, 20))),
    "polyak": by_optax(O.polyak_sgd(), on_line=True),
    "armijo": by_optax(O.chain(O.sgd(1.0), O.scale_by_backtracking_linesearch(max_backtracking_steps=30)), on_line=True),
    "dog": by_torch(lambda p: dog.DoG(p)),
    "dowg": by_optax(contrib.dowg()),
    "pal": by_closure(lambda p: pal_optimizer.PalOptimizer(p), pal_step),
    "sls": by_closure(lambda p: sls.Sls(p), lambda optimizer, loss: optimizer.step(loss)),
}
def main(path):
    with open(path, "w") as out:
        out.write("# Made by tools/reference/packages.py (each package in float64); do not edit.\n")
        out.write("entry,problem,step,loss,cosines,sines\n")
        for name, run in OPTIMIZERS.items():
            for problem in ON.get(name, ["logistic", "tanh"]):
                steps = run(PROBLEMS[problem], np.cos(0.9 * i) / 8)
                for step, (loss, w) in enumerate(steps, 1):
                    assert np.isfinite(loss), (name, problem, step)
                    if step in KEPT:
                        sums = w @ np.cos(i), w @ np.sin(i / 2)
                        out.write(f"{name},{problem},{step},{loss:.14g},{sums[0]:.14g},{sums[1]:.14g}\n")
                print(name, problem, f"{loss:.6g}", file=sys.stderr)


main(sys.argv[1])
