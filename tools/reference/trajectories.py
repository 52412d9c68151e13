#!/usr/bin/env python3
"""Reference trajectories: 50 steps of learning-rate tuners on optimizers, by JAX in float64, for crates/run/tests.

    python3 trajectories.py ../../crates/run/tests/reference/trajectories.json

Needs bench/requirements.txt. Independent of the product: curvature is the jvp of the loss's jvp, and nothing is shared.
"""

import json
import sys

import jax

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")

import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

LENGTHS = (50, 40, 30, 25, 20, 15)
PERTURBATION, PERTURBED_RUNS, ALLOWED = 1e-12, 3, 1e-8

# Seeds and l2 were searched for runs that 50 steps do not turn chaotic. Momentum and Adam under cdat without averages
# amplify most; a run too sensitive over 50 steps is cut to the longest well-conditioned start, and every pair of tuner
# and optimizer runs its 50 steps on one problem at least.
PROBLEMS = [
    {"name": "relu_squared", "activation": "relu", "loss": "squared", "hidden": [9, 8], "l2": 0.1, "seed": 17},
    {"name": "tanh_squared", "activation": "tanh", "loss": "squared", "hidden": [9, 8], "l2": 0.1, "seed": 30},
    {"name": "tanh_cross_entropy", "activation": "tanh", "loss": "cross_entropy", "hidden": [9, 8], "l2": 0.05, "seed": 33},
]
EXAMPLES, INPUTS, CLASSES = 40, 7, 4

TUNERS = [
    {"tuner": "cdat", "sigma": 2.0, "eps": 0.0, "ema": 0.0},
    {"tuner": "cdat", "sigma": 2.0, "eps": 0.0, "ema": 0.9},
    {"tuner": "greedy"},
    {"tuner": "armijo", "c": 0.0, "delta": 0.0, "c_plus": 4.0, "c_minus": 0.8},
    {"tuner": "armijo", "c": 1e-4, "delta": 0.0, "c_plus": 4.0, "c_minus": 0.8},
]
OPTIMIZERS = ["gd", "momentum", "rmsprop", "adam"]

NOTE = [
    "Made by tools/reference/trajectories.py (JAX, float64); do not edit.",
    "Parameters are flat: W1 [in, out] row-major, b1, W2, b2, ...; x is [examples, inputs] row-major; layer: act(x W + b), last one linear.",
    "Loss: mean over examples of softmax cross-entropy, or of half the squared distance to the one-hot label; plus 0.5 l2 |w|^2 over all parameters, biases included.",
    "Optimizers, u at unit rate, w <- w + rate u: gd u = -g; momentum m = g + 0.9 m, u = -m; rmsprop nu = b2 nu + (1 - b2) g^2 from 0, u = -g / sqrt(nu + 1e-8), b2 = 0.999;",
    "adam b1 = 0.9, b2 = 0.999, bias-corrected, u = -mhat / (sqrt(vhat) + 1e-8).",
    "cdat: rate = sigma n / d, n = max(-g.u, 0), d = |u.Hu| + eps, both averaged with ema from 0 (nbar = ema nbar + (1 - ema) n); n = 0 gives rate 0. greedy: cdat with sigma 1, ema 0, eps 0.",
    "armijo: f(w + rate u) <= (1 + delta) f(w) + c rate g.u, from min(c_plus * previous rate, 1) (first 1), times c_minus until it holds; no run here has g.u >= 0 at a step.",
    "steps is below 50 where 50 steps would amplify rounding too much. loss[k] and rate[k] belong to step k, the loss before it; final_loss and final_parameters (13 digits, for the size of the file) follow the last step. non_descent counts steps with g.u >= 0.",
    "amplification: largest relative difference of losses, rates or final parameters (2-norm) among 3 runs from weights perturbed by 1e-12, divided by 1e-12.",
    "margin (armijo): the smallest |f(w + rate u) - bound| / f(w) met; a decision closer than rounding would not be reproducible.",
]


def make(problem):
    """Data and initial weights rounded to four decimals, so that the file is short and exact."""
    rng = np.random.default_rng(problem["seed"])
    labels = np.arange(EXAMPLES) * 7 % CLASSES
    centres = rng.normal(size=(CLASSES, INPUTS))
    x = np.round(0.5 * centres[labels] + 0.7 * rng.normal(size=(EXAMPLES, INPUTS)), 4)
    widths = [INPUTS, *problem["hidden"], CLASSES]
    layers = []
    for i, o in zip(widths, widths[1:]):
        layers.append((np.round(rng.normal(size=(i, o)) / np.sqrt(i), 4), np.round(0.1 * rng.normal(size=o), 4)))
    flat, unravel = ravel_pytree(layers)
    activation = {"tanh": jnp.tanh, "relu": jax.nn.relu}[problem["activation"]]
    one_hot = np.eye(CLASSES)[labels]

    def loss(w):
        h = x
        for layer, (weight, bias) in enumerate(unravel(w)):
            h = (activation(h) if layer else h) @ weight + bias
        if problem["loss"] == "squared":
            per_example = 0.5 * jnp.sum((h - one_hot) ** 2, axis=1)
        else:
            per_example = jax.nn.logsumexp(h, axis=1) - jnp.sum(h * one_hot, axis=1)
        return jnp.mean(per_example) + 0.5 * problem["l2"] * jnp.sum(w * w)

    record = {**problem, "x": x.ravel().tolist(), "labels": labels.tolist(), "parameters": np.asarray(flat).tolist()}
    return record, np.asarray(flat), loss


def optimizer(name):
    """state -> (state, u); the state is (step, first moment, second moment)."""

    def update(state, g):
        k, m, v = state
        if name == "gd":
            return (k + 1, m, v), -g
        if name == "momentum":
            m = g + 0.9 * m
            return (k + 1, m, v), -m
        if name == "rmsprop":
            v = 0.999 * v + (1 - 0.999) * g**2
            return (k + 1, m, v), -g / np.sqrt(v + 1e-8)
        m = 0.9 * m + (1 - 0.9) * g
        v = 0.999 * v + (1 - 0.999) * g**2
        mhat, vhat = m / (1 - 0.9 ** (k + 1)), v / (1 - 0.999 ** (k + 1))
        return (k + 1, m, v), -mhat / (np.sqrt(vhat) + 1e-8)

    return update


def run(w, functions, name, tuner, steps):
    """One trajectory: losses, rates, final loss and parameters, counts."""
    loss, gradient, curvature = functions
    update, state = optimizer(name), (0, np.zeros_like(w), np.zeros_like(w))
    sigma, eps, ema = tuner.get("sigma", 1.0), tuner.get("eps", 0.0), tuner.get("ema", 0.0)
    nbar, dbar, previous, losses, rates, non_descent, margin = 0.0, 0.0, np.inf, [], [], 0, np.inf
    for _ in range(steps):
        f, g = gradient(w)
        f, g = float(f), np.asarray(g)
        state, u = update(state, g)
        slope = float(g @ u)
        non_descent += slope >= 0
        if tuner["tuner"] == "armijo":
            rate = min(tuner["c_plus"] * previous, 1.0)
            while slope < 0:
                bound = (1 + tuner["delta"]) * f + tuner["c"] * rate * slope
                tried = float(loss(w + rate * u))
                margin = min(margin, abs(tried - bound) / f)
                if tried <= bound:
                    break
                rate *= tuner["c_minus"]
            previous = rate
        else:
            n, d = max(-slope, 0.0), abs(float(curvature(w, u))) + eps
            nbar, dbar = ema * nbar + (1 - ema) * n, ema * dbar + (1 - ema) * d
            rate = sigma * nbar / dbar if nbar > 0 else 0.0
        losses.append(f)
        rates.append(rate)
        w = w + rate * u
    result = {"loss": losses, "rate": rates, "final_loss": float(loss(w)), "final_parameters": [float(f"{p:.12e}") for p in w]}
    return {**result, "non_descent": int(non_descent), **({"margin": float(f"{margin:.1e}")} if margin < np.inf else {})}


def difference(a, b):
    """The largest relative difference of losses, rates and final parameters."""
    relative = lambda p, q: np.max(np.abs(np.subtract(p, q)) / np.maximum(np.abs(p), 1e-300)) if np.any(p) else 0.0
    parameters = np.linalg.norm(np.subtract(a["final_parameters"], b["final_parameters"]))
    parameters /= np.linalg.norm(a["final_parameters"])
    return max(relative(a["loss"], b["loss"]), relative(a["rate"], b["rate"]), parameters)


def well_conditioned(w, functions, name, tuner):
    """The longest run whose perturbed twins stay within ALLOWED, or None."""
    for steps in LENGTHS:
        result, rng = run(w, functions, name, tuner, steps), np.random.default_rng(3)
        twins = [run(w + PERTURBATION * rng.normal(size=w.shape), functions, name, tuner, steps) for _ in range(PERTURBED_RUNS)]
        worst = max(difference(result, twin) for twin in twins)
        if worst < ALLOWED and not (tuner["tuner"] == "armijo" and result["non_descent"]):
            return {"steps": steps, "amplification": float(f"{worst / PERTURBATION:.1e}"), **result}
    return None


def main(path):
    output = {"note": NOTE, "jax": jax.__version__, "problems": []}
    for problem in PROBLEMS:
        record, w, loss = make(problem)
        slope = lambda w, u: jax.jvp(loss, (w,), (u,))[1]
        functions = (
            jax.jit(loss),
            jax.jit(jax.value_and_grad(loss)),
            jax.jit(lambda w, u: jax.jvp(lambda w: slope(w, u), (w,), (u,))[1]),
        )
        record["runs"] = []
        for name in OPTIMIZERS:
            for tuner in TUNERS:
                if tuner.get("c") == 0.0 and problem["name"] == "tanh_cross_entropy":
                    continue  # for the size of the file
                kept = well_conditioned(w, functions, name, tuner)
                label = f"{problem['name']:20s} {name:9s} {' '.join(f'{k}={v}' for k, v in tuner.items()):62s}"
                print(label, {k: kept[k] for k in ("steps", "amplification", "margin", "non_descent") if k in kept} if kept else "left out")
                if kept:
                    record["runs"].append({"optimizer": name, **tuner, **kept})
        output["problems"].append(record)
    text = json.dumps(output, separators=(",", ":")).replace('{"optimizer"', '\n{"optimizer"').replace('{"name"', '\n{"name"')
    with open(path, "w") as file:
        file.write(text + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("trajectories: expected one argument, the JSON file to write")
    main(sys.argv[1])
