#!/usr/bin/env python3
"""Seconds to a training loss: onedge beside optimizers of JAX and PyTorch, on the networks of the benchmark. See bench/README.md.

    python3 bench/time_to_loss.py --data FOLDER [--networks mlp,convnet] [--seeds 3] [--share 8]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent
sys.path.insert(0, str(BENCH))

import report
from run import environment, processor

RATES = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1]
# A run of the grid has so many steps, and the others as many times more, at most.
STEPS, PATIENCE = 100, 4
CONTENDERS = {
    "onedge": ["cdat gd", "cdat adam", "auto gd"],
    "jax": ["adam", "schedule-free", "prodigy"],
    "torch": ["adam", "schedule-free", "prodigy"],
}


def command_line():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder with cifar-10 and tiny-shakespeare; random data without")
    parser.add_argument("--networks", default=",".join(report.NETWORKS), help="separated by commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--share", type=int, default=8, help="train on one of so many of the network's examples")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--venv", type=Path, default=BENCH / ".venv", help="Python environment, made if absent")
    parser.add_argument("--python", type=Path, help="a Python that has all packages, onedge too, in the place of that")
    parser.add_argument("--name", default="time-to-loss", help="of the files under bench/results")
    asked = parser.parse_args()
    asked.networks = asked.networks.split(",")
    unknown = set(asked.networks) - set(report.NETWORKS)
    if unknown:
        parser.error(f"unknown {sorted(unknown)}, expected networks of {list(report.NETWORKS)}")
    return asked


def python_of(asked):
    if asked.python:
        return asked.python
    python, wanted = environment(asked.venv), BENCH / "requirements-training.txt"
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*install, "-r", wanted], check=True)
    subprocess.run([*install, BENCH.parent / "crates/python"], check=True)
    return python


class Trainer:
    """A process that trains one network from the weights of one seed."""

    def __init__(self, python, framework, network, seed, asked):
        command = [python, BENCH / "peers/training_peer.py", framework, network, "--seed", str(seed)]
        command += ["--share", str(asked.share), "--threads", str(asked.threads)]
        command += ["--data", asked.data] if asked.data else []
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        threads = {"OMP_NUM_THREADS": str(asked.threads), "CUDA_VISIBLE_DEVICES": ""}
        self.name = f"{framework}, {network}"
        self.process = subprocess.Popen([*map(str, command)], env={**os.environ, **threads}, **pipes)
        self.reply()

    def reply(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"time_to_loss: {self.name} ended with code {self.process.wait()}; its last words are above")
        return json.loads(line)

    def train(self, method, steps, target=float("-inf")):
        self.process.stdin.write(f"{method}\t{steps}\t{target}\n")
        self.process.stdin.flush()
        return self.reply()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def finite(loss):
    return loss if loss == loss else float("inf")


def time_to(run, target):
    """Seconds and steps until the loss was known to be at most `target`; None if it never was."""
    for step, (loss, seconds) in enumerate(zip(run["losses"], run["seconds"])):
        if loss <= target:
            return {"seconds": seconds, "steps": step, "compiling": run["compiling"]}
    return None


def compare(python, network, seed, asked):
    """The target of one network and seed, and what every contender took to it."""
    trainers = {framework: Trainer(python, framework, network, seed, asked) for framework in CONTENDERS}
    grid = {rate: trainers["jax"].train(f"adam={rate}", STEPS) for rate in RATES}
    ends = {rate: finite(run["losses"][-1]) if len(run["losses"]) == STEPS else float("inf") for rate, run in grid.items()}
    rate = min(ends, key=ends.get)
    target = ends[rate]
    of_grid = sum(run["seconds"][-1] for run in grid.values())
    found = {"jax grid": {"seconds": of_grid, "steps": STEPS * len(RATES), "compiling": grid[rate]["compiling"]}}
    found["jax best constant"] = {"seconds": grid[rate]["seconds"][-1], "steps": STEPS, "compiling": grid[rate]["compiling"]}
    best = trainers["torch"].train(f"adam={rate}", STEPS)
    each = best["seconds"][-1]
    found["torch best constant"] = {"seconds": each, "steps": STEPS, "compiling": best["compiling"]}
    # All its runs are as long as this one, but for those that end early, as in JAX.
    share = of_grid / (len(RATES) * grid[rate]["seconds"][-1])
    found["torch grid"] = {**found["torch best constant"], "seconds": each * len(RATES) * share, "steps": STEPS * len(RATES)}
    for place in range(max(map(len, CONTENDERS.values()))):
        for framework, methods in CONTENDERS.items():
            for method in methods[place : place + 1]:
                run = trainers[framework].train(method, PATIENCE * STEPS, target)
                found[f"{framework} {method}"] = time_to(run, target)
                last = run["losses"][-1] if run["losses"] else float("nan")
                print(f"  {framework} {method}: {found[f'{framework} {method}']}, at last {last:.5g} of {target:.5g}", flush=True)
    for trainer in trainers.values():
        trainer.close()
    return {"target": target, "rate": rate, "found": found}


def median(values):
    """The median; None, for never, is the largest."""
    value = statistics.median_high([float("inf") if value is None else value for value in values])
    return None if value == float("inf") else value


def markdown(result):
    lines = [
        f"Seconds to the loss that Adam reaches after {STEPS} steps at the best of {len(RATES)} constant rates; in brackets, steps. "
        f"Median of {result['seeds']} seeds, {result['threads']} thread, {result['machine']}. Compiling is not counted; "
        f"never: not in {PATIENCE * STEPS} steps.",
        "",
    ]
    names = ["onedge cdat gd", "onedge cdat adam", "onedge auto gd"]
    names += [f"{peer} {method}" for method in ["adam", "schedule-free", "prodigy", "best constant", "grid"] for peer in ["jax", "torch"]]
    lines += ["| network | " + " | ".join(names) + " |", "|---|" + "--:|" * len(names)]
    for network, seeds in result["networks"].items():
        cells = []
        for name in names:
            all_found = [seed["found"][name] for seed in seeds]
            seconds = median([found and found["seconds"] for found in all_found])
            steps = median([found and found["steps"] for found in all_found])
            cells.append("never" if seconds is None else f"{seconds:.3g} ({steps:.0f})")
        lines.append(f"| {network} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    asked = command_line()
    python = python_of(asked)
    result = {"machine": processor(), "threads": asked.threads, "share": asked.share, "seeds": asked.seeds, "networks": {}}
    result["data"] = "photographs and text" if asked.data else "random"
    for network in asked.networks:
        seeds = result["networks"].setdefault(network, [])
        for seed in range(asked.seeds):
            print(f"time_to_loss: {network}, seed {seed}", flush=True)
            seeds.append(compare(python, network, seed, asked))
            # What is measured so far: a run may be cut off.
            (BENCH / f"results/{asked.name}.json").write_text(json.dumps(result, indent=1) + "\n")
            (BENCH / f"results/{asked.name}.md").write_text(markdown(result))
    print(markdown(result))


if __name__ == "__main__":
    main()
