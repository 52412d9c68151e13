#!/usr/bin/env python3
"""What a step of CDAT costs over the plain step, for a ResNet-50 and a GPT, in JAX and PyTorch. See README.md."""

import argparse
import importlib
import itertools
import json
import os
import statistics
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
sys.path.insert(0, str(Path(__file__).parent))
STEPS_A_ROUND = 8
MOST_PRODUCTS = 30
MODELS, PRECISIONS, FRAMEWORKS = ("resnet50", "gpt"), ("f32", "bf16"), ("jax", "torch")


def cell(programs, precision, rounds, log):
    """Milliseconds a step of each program."""
    start = time.perf_counter()
    runs, count, sharpness = programs
    found = {"parameters": count}
    for name, run in runs.items():
        run(2)  # Compiles.
        log(f"  {name}: ready after {time.perf_counter() - start:.0f} s")
    taken = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            begun = time.perf_counter()
            loss = run(STEPS_A_ROUND)
            taken[name].append(1e3 * (time.perf_counter() - begun) / STEPS_A_ROUND)
            found[f"loss of {name}"] = loss
    if precision == "f32":
        begun = time.perf_counter()
        eigenvalue = sharpness(max_products=MOST_PRODUCTS)
        found["sharpness"] = {"value": float(eigenvalue), "bound": float(eigenvalue.bounds[0]), "products": int(eigenvalue.products), "seconds": time.perf_counter() - begun}
    medians = {name: statistics.median(times) for name, times in taken.items()}
    return {**found, "ms": medians, "all ms": taken, "over plain": {name: ms / medians["plain"] for name, ms in medians.items()}}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="sizes for a trial on a CPU")
    parser.add_argument("--only", default="", help=f"of {', '.join((*FRAMEWORKS, *MODELS, *PRECISIONS))}, separated by commas")
    parser.add_argument("--seconds", type=float, default=330.0, help="no cell begins later")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="the result file; by default named for the device, beside this script")
    options = parser.parse_args()
    chosen = set(filter(None, options.only.split(",")))
    if unknown := chosen - {*FRAMEWORKS, *MODELS, *PRECISIONS}:
        parser.error(f"--only: expected names of {', '.join((*FRAMEWORKS, *MODELS, *PRECISIONS))}, got {', '.join(sorted(unknown))}")
    pick = lambda names: [name for name in names if name in chosen] or list(names)  # noqa: E731
    warnings.simplefilter("ignore", RuntimeWarning)  # A sharpness from so few products need not have converged; its bound is in the file.
    begun, log = time.perf_counter(), lambda text: print(text, file=sys.stderr, flush=True)
    result = {"small": options.small, "device": {}, "versions": {}, "cells": {}}
    frameworks = {}
    for framework in pick(FRAMEWORKS):
        try:
            module = importlib.import_module(f"programs_{framework}")
        except ImportError as missing:
            result["cells"][framework] = f"left out: {missing}"
            log(f"{framework}: {result['cells'][framework]}")
        else:
            frameworks[framework] = module
            result["device"][framework], result["versions"][framework] = module.device(), module.versions()
    device = next(iter(result["device"].values()), "nothing").replace(" ", "-").lower()
    out = options.out or Path(__file__).parent / f"result-{device}{'-small' if options.small else ''}.json"
    # Those that matter most come first.
    for precision, model, framework in itertools.product(pick(PRECISIONS), pick(MODELS), frameworks):
        name = f"{framework} {model} {precision}"
        if time.perf_counter() - begun > options.seconds:
            found = "left out: no time"
        else:
            log(name)
            try:
                found = cell(frameworks[framework].programs(model, precision, options.small), precision, options.rounds, log)
            except Exception as error:  # Out of memory, above all, which has a class of its own in each framework.
                found = f"failed: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        result["cells"][name] = found
        table(name, found)
        out.write_text(json.dumps(result, indent=1) + "\n")
    return int(not any(isinstance(found, dict) for found in result["cells"].values()))


def table(name, found):
    if isinstance(found, str):
        print(f"{name:22} {found}", flush=True)
    else:
        sharp = found.get("sharpness")
        print(f"{name:22} " + "  ".join(f"{one} {found['ms'][one]:.2f} ms ({found['over plain'][one]:.2f})" for one in found["ms"]), end="")
        print(f"  sharpness {sharp['value']:.4g} +- {sharp['bound']:.1g} by {sharp['products']} products in {sharp['seconds']:.1f} s" if sharp else "", flush=True)


if __name__ == "__main__":
    sys.exit(main())
