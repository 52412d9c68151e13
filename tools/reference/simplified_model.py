#!/usr/bin/env python3
"""The simplified model of rate and sharpness, written down again: the numbers that crates/theory/tests/claims.rs expects.

    python3 tools/reference/simplified_model.py

Equations 4, 6 and 10 of Roulet et al. 2024 (arXiv 2407.06183) at the printed settings, as printed and otherwise.
Needs nothing but Python.
"""

import math


def run(tuner, a, b, lam, eta, p, q=0.0, nu=0.0, sigma=2.0, semi_implicit=False, lag=True, steps=40_000):
    """The last (step, eta, lambda, y, p) in bounds."""
    x = math.sqrt(p)
    last = None
    for step in range(steps + 1):
        if not (eta > 0 and abs(lam) <= 1e12 and x * x <= 1e12):
            return last, f"diverged at step {step}"
        last = (step, eta, lam, eta * lam - 2, x * x)
        x_next = (1 - eta * lam) * x
        lam_next = lam + eta * (a - b * (x_next if semi_implicit else x) ** 2)
        q_next = (1 - eta * nu) ** 2 * q
        if tuner == "classical":
            eta = 1.9 / lam_next
        elif tuner == "cdat":
            l, p, r = (lam, x * x, q) if lag else (lam_next, x_next * x_next, q_next)
            eta = sigma * (l**2 * p + nu**2 * r) / (l**3 * p + nu**3 * r)
        x, lam, q = x_next, lam_next, q_next
    return last, "steps done"


def show(name, result):
    (step, eta, lam, y, p), ended = result
    print(f"{name:42} step {step:6}  eta {eta:<10.5g} lambda {lam:<10.6g} y {y:<12.5g} p {p:<12.6g} {ended}")


for semi_implicit in (False, True):
    time = ", semi-implicit" if semi_implicit else ""
    constant = dict(a=0.03, b=0.3, eta=1.0, lam=1.9, p=0.05)
    show(f"constant{time}", run("constant", **constant, semi_implicit=semi_implicit, steps=100_000))
    tuned = dict(a=1.0, b=0.5, eta=1.0, lam=1.9, p=0.1)
    show(f"1.9 / lambda{time}", run("classical", **tuned, semi_implicit=semi_implicit, steps=2000))
    for lag in (True, False):
        for sigma in (2.0, 1.99, 1.9, 1.5, 2.01, 2.05, 2.5):
            # Longer runs under the edge would leave the range of p in double precision.
            steps = 40_000 if sigma == 2.0 else 20_000
            start = dict(a=0.05, b=0.1, nu=0.1, lam=18.0, eta=0.05, p=4.0, q=4.0)
            name = f"sigma {sigma}{'' if lag else ', no lag'}{time}"
            show(name, run("cdat", **start, sigma=sigma, semi_implicit=semi_implicit, lag=lag, steps=steps))
