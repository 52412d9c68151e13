#!/usr/bin/env python3
"""How much faster two workers finish a sweep of 40 runs than one: see bench/README.md.

    python3 bench/sweep.py [--onedge target/release/onedge] [--rounds 3]

In each round a fresh folder is filled by one process, by two processes, and by one process with two jobs; times are wall clock.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = 40
# About half a second a run on one core: full batches of the built-in digits, exact curvature at each step, one thread.
SWEEP = """
steps = 60
seed = [0, 1, 2, 3, 4]
[data]
name = "digits"
test_fraction = 0.2
[model]
name = "mlp"
hidden = [128, 128]
[tuner]
name = "cdat"
preset = "paper"
sigma = [1.0, 1.5, 1.8, 1.9375, 2.0, 2.0625, 2.25, 2.5]
[diagnostics]
sharpness_every = 0
[engine]
threads = 1
"""
WAYS = {"one process": (1, []), "two processes": (2, []), "one process, --jobs 2": (1, ["--jobs", "2"])}


def seconds(onedge, processes, options):
    """Wall clock time until every process is done; each of the runs must be there once."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "grid.toml").write_text(SWEEP)
        command = [onedge, "sweep", "grid.toml", "--quiet", *options]
        began = time.perf_counter()
        workers = [subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE) for _ in range(processes)]
        outputs = [worker.communicate()[0].decode() for worker in workers]
        took = time.perf_counter() - began
        if any(worker.returncode for worker in workers):
            sys.exit(f"a worker failed: {outputs}")
        names = [path.name for path in (folder / "runs").iterdir() if path.name.startswith("cdat-")]
        ends = [json.loads((folder / "runs" / name / "summary.json").read_text()) for name in names]
        if len(ends) != RUNS or any("." in name for name in names):
            sys.exit(f"expected {RUNS} runs, got {sorted(names)}")
        return took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onedge", type=Path, default=ROOT / "target/release/onedge", help="the program, a release build")
    parser.add_argument("--rounds", type=int, default=3, help="the ways are visited in turn, so many times")
    options = parser.parse_args()
    times = {way: [] for way in WAYS}
    for _ in range(options.rounds):
        for way, (processes, flags) in WAYS.items():
            times[way].append(seconds(options.onedge.resolve(), processes, flags))
    one = times["one process"]
    for way, taken in times.items():
        ratios = [time / base for time, base in zip(taken, one)]
        each = ", ".join(f"{time:.1f}" for time in taken)
        print(f"{way:24} {statistics.median(taken):6.1f} s  ({each})  x {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
