#!/usr/bin/env python3
"""The largest Hessian eigenvalue by onedge, PyHessian and curvlinops, to the same residual: see bench/README.md.

    python3 bench/eigenvalues.py [--networks mlp,mlp-tanh-mse] [--rounds 3] [--steps 50]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median

BENCH = Path(__file__).resolve().parent
sys.path[:0] = [str(BENCH), str(BENCH / "peers")]

import run

NETWORKS = ("mlp", "mlp-tanh-mse")
TOLERANCE = 1e-3  # of the residual, |Hv - value v| / |value|, and of the agreement of values
OURS, COLD, POWER = "onedge, Lanczos from a sample", "onedge, Lanczos", "onedge, power iteration"
STOPPED = "PyHessian, stopped by itself"
OTHERS = ("PyHessian", "curvlinops and ARPACK", "curvlinops and ARPACK, 6 vectors")
TIME = "processor_seconds"  # those of the process alone, as the processor may be shared
FASTER, FEWER = 3, 5  # how many times faster than others, with how many times fewer products than a power iteration


def command_line():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default=",".join(NETWORKS), help="comma-separated (default: both)")
    parser.add_argument("--rounds", type=int, default=3, help="timings of each, from random starts of their own")
    parser.add_argument("--steps", type=int, default=50, help="steps of gradient descent to the second point")
    parser.add_argument("--base", type=Path, default=BENCH / ".venv", help="environment of bench/run.py, made if absent")
    parser.add_argument("--venv", type=Path, default=BENCH / ".venv-eigenvalues", help="what is added, made if absent")
    parser.add_argument("--name", default="eigenvalues", help="name of the files under bench/results")
    options = parser.parse_args()
    options.networks = options.networks.split(",")
    if not set(options.networks) <= set(NETWORKS):
        parser.error(f"--networks: expected some of {NETWORKS}, got {options.networks}")
    if options.rounds < 1 or options.steps < 1:
        parser.error(f"--rounds, --steps: expected 1 or more, got {options.rounds} and {options.steps}")
    return options


def environment(base, venv):
    """The Python of an environment that has what `base` has and exactly bench/requirements-eigenvalues.txt besides."""
    torch, wanted = run.environment(base), (BENCH / "requirements-eigenvalues.txt").read_text()
    python, stamp = venv / "bin/python", venv / "requirements.txt"
    if not (stamp.exists() and stamp.read_text() == wanted):
        print(f"bench: installing bench/requirements-eigenvalues.txt into {venv}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        ask = ["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        own, others = (subprocess.check_output([which, *ask], text=True) for which in (python, torch))
        (Path(own.strip()) / "base.pth").write_text(others)
        install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "-r", BENCH / "requirements-eigenvalues.txt"]
        subprocess.run(install, check=True)
        stamp.write_text(wanted)
    return python


def go_on_within(python):
    """Starts this program again under `python`: one thread, malloc as for the peers of bench/run.py."""
    tunables = {"GLIBC_TUNABLES": f"{run.ONE_ARENA}:{run.KEEP_MEMORY}", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    os.execve(python, [str(python), __file__, *sys.argv[1:]], {**os.environ, **tunables})


def ask(product, network, op):
    reply = product.run(network, op, 1)
    if reply is None:
        raise SystemExit(1)
    values = reply["values"]
    found = {"value": values["largest"], "residual": values["residual"], "products": values["products"]}
    return {**found, "seconds": reply["ms"][0] / 1e3, "processor_seconds": reply["processor_ms"][0] / 1e3}


def measure(product, net, network, rounds):
    """{who: [found, ...]}, the timings gathered in rounds over all."""
    cells = {}
    for seed in range(rounds):
        ways = {
            OURS: lambda: ask(product, network, "sharpness"),
            COLD: lambda: ask(product, network, "sharpness-random"),
            POWER: lambda: ask(product, network, "power"),
            OTHERS[0]: lambda: net.pyhessian(seed, TOLERANCE),
            STOPPED: lambda: net.pyhessian(seed),
            OTHERS[1]: lambda: net.curvlinops(seed, TOLERANCE),
            OTHERS[2]: lambda: net.curvlinops(seed, TOLERANCE, ncv=6),
        }
        for who, find in ways.items():
            cells.setdefault(who, []).append(find())
            print(f"bench: {who}: {cells[who][-1]}", flush=True)
    return cells


def middle(cells, who, what):
    return median(found[what] for found in cells[who])


def rows(point):
    """The table's rows of one point, and its values or residuals that are not what they must be."""
    cells, lines, wrong = point["cells"], [], []
    best = min((found for found in sum(cells.values(), [])), key=lambda found: found["residual"])["value"]
    for who, all_found in cells.items():
        worst = max(all_found, key=lambda found: found["residual"])
        error = max(abs(found["value"] / best - 1) for found in all_found)
        if who != STOPPED and (worst["residual"] > 1.05 * TOLERANCE or error > TOLERANCE):
            wrong.append(f"{point['name']}: {who}: residual {worst['residual']:.1e}, error of the value {error:.1e}")
        value, wall, seconds = (middle(cells, who, what) for what in ("value", "seconds", TIME))
        products = sorted(found["products"] for found in all_found)
        products = f"{median(products):g} ({products[0]} to {products[-1]})"
        ratio = f"{seconds:.2f} | {wall:.2f} | {seconds / middle(cells, OURS, TIME):.1f}"
        numbers = f"{value:.4f} | {error:.0e} | {worst['residual']:.1e} | {products} | {ratio}"
        lines.append(f"| {point['name']} | {who} | {numbers} |")
    return lines, wrong


def targets(point):
    cells, name = point["cells"], point["name"]
    for who in OTHERS:
        yield f"{name}: time of {who} / {OURS}", FASTER, middle(cells, who, TIME) / middle(cells, OURS, TIME)
    # One iteration in two programs: how long it takes is luck of the start, so that more starts tell more.
    for what, powers in (("onedge's", [POWER]), ("onedge's and PyHessian's", [POWER, OTHERS[0]])):
        products = median(found["products"] for who in powers for found in cells[who])
        yield f"{name}: products of a power iteration, {what} / {OURS}", FEWER, products / middle(cells, OURS, "products")


def markdown(result):
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    lines = [f"{result['machine']}; one thread, {result['rounds']} rounds; {versions}", ""]
    lines.append(f"Until the residual |Hv - value v| is {TOLERANCE:g} of the value, from random starts, one of them on a sixteenth of the examples; products are those with all examples; medians, but the largest error and residual; products with their range.")
    lines += ["", "| point | who | value | error | residual | products | processor s | wall s | time / onedge |", "|---|---|--:|--:|--:|--:|--:|--:|--:|"]
    wrong = []
    for point in result["points"]:
        of_point, disagreements = rows(point)
        lines, wrong = lines + of_point, wrong + disagreements
    lines += ["", "| target | at least | got | met |", "|---|--:|--:|---|"]
    judged = [target for point in result["points"] for target in targets(point)]
    lines += [f"| {what} | {least} | {got:.1f} | {'yes' if got >= least else 'NO'} |" for what, least, got in judged]
    lines += ["", *(wrong or [f"All values agree to {TOLERANCE:g}, and all residuals are as asked for."]), ""]
    return "\n".join(lines), wrong


def save(result, name):
    """Writes what is measured so far."""
    text, wrong = markdown(result)
    (BENCH / "results" / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    (BENCH / "results" / f"{name}.md").write_text(text)
    return text, wrong


def main():
    options = command_line()
    if Path(sys.prefix).resolve() != options.venv.resolve():
        go_on_within(environment(options.base, options.venv))
    binary = run.build_product()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    import torch
    import torch_eigenvalues

    torch.set_num_threads(1)
    product = run.Peer("product", "best", [binary], 1)
    versions = {"onedge": product.hello["version"]}
    versions |= {name: version(name) for name in ("torch", "pyhessian", "curvlinops-for-pytorch", "scipy")}
    result = {"machine": run.processor(), "rounds": options.rounds, "versions": versions, "points": []}
    text, wrong = "", []
    with tempfile.TemporaryDirectory() as folder:
        for network in options.networks:
            net, rate = torch_eigenvalues.Dense(network), 0.0
            for steps in (0, options.steps):
                loss = net.descend(steps, rate) if steps else None
                weights = Path(folder) / f"{network}-{steps}.safetensors"
                net.save(weights)
                print(f"bench: {network} after {steps} steps", flush=True)
                ask(product, f"{network}={weights}", "sharpness")  # warms up
                cells = measure(product, net, f"{network}={weights}", options.rounds)
                name = f"`{network}`, {steps} steps of rate {rate:.3g}" if steps else f"`{network}`, initial"
                result["points"].append({"name": name, "rate": rate, "loss": loss, "cells": cells})
                text, wrong = save(result, options.name)
                rate = 1 / middle(cells, OURS, "value")
    product.quit()
    print(text)
    print(f"bench: wrote bench/results/{options.name}.json and .md")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
