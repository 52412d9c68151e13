#!/usr/bin/env python3
"""Costs that grow: time and memory of a step of CDAT, every curvature measured, by parameters, examples, sequence length and threads.

    python3 bench/scaling.py [--program target/release/onedge] [--only parameters,examples,length,threads] [--largest 1e8] [--out bench/results/scaling]

Each size is trained for some steps in a process of its own, sizes in turn, round after round, so that a disturbance of the machine falls on all alike. The time of a step
is the median over all rounds, the memory the most that a process had. Between neighbours the measured exponent stands beside the one that the arithmetic says:
what grows faster than that, without a reason, is a defect. It writes OUT.json, OUT.md and, where matplotlib is installed, OUT.svg.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

COMMON = ["tuner=cdat", "tuner.preset=paper", "tuner.sigma=1", "evaluation.every=0"]
CIFAR_LIKE = ["data=mixture", "model=mlp"]


def mlp(width):
    """Two hidden layers: about width * (width + 74) parameters on 64 inputs and 10 classes."""
    return [*CIFAR_LIKE, "data.examples=64", f"model.hidden=[{width}, {width}]"]


def widths(largest):
    """For 1e4, 1e5, ... parameters."""
    return [round(-37 + math.sqrt(37**2 + 10**power)) for power in range(4, 1 + round(math.log10(largest)))]


def sweeps(largest):
    """Each axis: its name, unit, the settings by size, whether more of it is more work, and the exponents of time and memory that are expected."""
    length = lambda context: ["data=cicero", f"data.context={context}", f"data.first={4096 // context}", "model=nanolm", "model.depth=2", "model.width=64", "model.heads=4", "model.qkv=64", "model.mlp=256"]
    return {
        "parameters": ("parameters of an MLP, 64 examples", {width * (width + 74): mlp(width) for width in widths(largest)}, "1", "1"),
        "examples": ("examples of a batch, MLP of two layers of 256", {count: [*CIFAR_LIKE, f"data.examples={count}", "model.hidden=[256, 256]"] for count in (64, 512, 4096, 50_000)}, "1", "0 to 1: examples, and what is kept of them"),
        "length": ("characters of a sequence, NanoLM, 4,096 characters in all", {context: length(context) for context in (64, 128, 256, 512, 1024)}, "0 to 1: attention alone grows", "0 to 1"),
        "threads": ("threads, MLP of two layers of 1024 on 2,048 examples", {threads: [*CIFAR_LIKE, "data.examples=2048", "model.hidden=[1024, 1024]", f"engine.threads={threads}"] for threads in (1, 2)}, "-1", "0 to 1: scratch memory"),
    }


def step(program, settings, steps):
    """Seconds of each step but the first two, and the most memory, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        words = [word for setting in [*COMMON, f"steps={steps + 2}", *settings] for word in ("--set", setting)]
        if not any(setting.startswith("engine.threads") for setting in settings):
            words += ["--set", "engine.threads=1"]
        process = subprocess.Popen([program, "train", "--quiet", "--out", f"{folder}/run", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            sys.exit(f"scaling: {' '.join(settings)}: {said.strip()[-300:]}")
        seconds = [json.loads(line)["seconds"] for line in Path(folder, "run", "steps.jsonl").read_text().splitlines()]
    return [after - before for before, after in zip(seconds[1:], seconds[2:])], usage.ru_maxrss / 1000


def measure(program, points, rounds, budget):
    times, memory = {size: [] for size in points}, dict.fromkeys(points, 0.0)
    count = dict.fromkeys(points, 2)
    for place in range(rounds):
        for size, settings in points.items():
            taken, most = step(program, settings, count[size])
            times[size] += taken
            memory[size] = max(memory[size], most)
            if place == 0:
                # So many steps that a round takes its share of the time.
                count[size] = max(2, min(200, round(budget / statistics.median(taken))))
    return [{"size": size, "seconds": statistics.median(times[size]), "steps": len(times[size]), "memory_mb": memory[size]} for size in points]


def exponents(rows, key):
    pairs = zip(rows, rows[1:])
    return [None] + [math.log(after[key] / before[key]) / math.log(after["size"] / before["size"]) for before, after in pairs]


def table(name, unit, rows, time, memory):
    lines = [f"## By {name}", "", f"Size: {unit}. Expected exponents: of time {time}, of memory {memory}.", "", "| size | time of a step | exponent | memory of the process | exponent |", "|--:|--:|--:|--:|--:|"]
    shown = lambda value: "" if value is None else f"{value:.2f}"
    for row, of_time, of_memory in zip(rows, exponents(rows, "seconds"), exponents(rows, "memory_mb")):
        seconds = row["seconds"]
        took = f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
        lines.append(f"| {row['size']:,} | {took} | {shown(of_time)} | {row['memory_mb']:,.0f} MB | {shown(of_memory)} |")
    return lines + [""]


def draw(path, results):
    try:
        from matplotlib import pyplot
    except ImportError:
        print("scaling: matplotlib is not installed, so there is no picture")
        return
    from matplotlib.ticker import FuncFormatter, NullFormatter

    # Of two sizes a line says nothing.
    shown = {name: rows for name, (_, rows) in results.items() if len(rows) > 2}
    if not shown:
        print("scaling: no axis with more than two sizes, so there is no picture")
        return
    figure, axes = pyplot.subplots(2, len(shown), figsize=(4 * len(shown), 6), squeeze=False)
    for column, (name, rows) in enumerate(shown.items()):
        sizes = [row["size"] for row in rows]
        for line, (key, label) in enumerate((("seconds", "seconds a step"), ("memory_mb", "MB"))):
            one, values = axes[line][column], [row[key] for row in rows]
            one.loglog(sizes, values, "o-", color="#0072b2", label="measured")
            one.loglog(sizes, [values[-1] * size / sizes[-1] for size in sizes], "--", color="#888888", label="exponent 1")
            one.grid(True, which="major", color="#dddddd")
            one.set_ylabel(label)
            one.set_xlabel(name)
            for axis in (one.xaxis, one.yaxis):
                axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
                axis.set_minor_formatter(NullFormatter())
    axes[0][0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--program", default="target/release/onedge", help="built for release")
    options.add_argument("--only", default="parameters,examples,length,threads", help="some of the axes")
    options.add_argument("--largest", type=float, default=1e8, help="parameters at most; 1e8 takes 9 GB")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--budget", type=float, default=3.0, help="seconds of steps for each size and round")
    options.add_argument("--out", default="bench/results/scaling")
    options = options.parse_args()
    known = sweeps(options.largest)
    chosen = options.only.split(",")
    if unknown := [name for name in chosen if name not in known]:
        sys.exit(f"scaling: --only: expected some of {', '.join(known)}, got {unknown[0]}")
    if not Path(options.program).is_file():
        sys.exit(f"scaling: {options.program}: expected the program, built by `cargo build --release`, got nothing")
    results, lines = {}, []
    for name in chosen:
        unit, points, time, memory = known[name]
        rows = measure(options.program, points, options.rounds, options.budget)
        results[name] = (unit, rows)
        lines += table(name, unit, rows, time, memory)
        print("\n".join(table(name, unit, rows, time, memory)), flush=True)
    machine = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "unknown")
    head = [f"# Costs that grow\n\nA step of CDAT with its curvature measured, single precision, one thread where nothing else is said, medians of {options.rounds} rounds. Processor: {machine}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end.\n"]
    Path(options.out).parent.mkdir(parents=True, exist_ok=True)
    Path(f"{options.out}.md").write_text("\n".join(head + lines))
    Path(f"{options.out}.json").write_text(json.dumps({name: {"unit": unit, "rows": rows} for name, (unit, rows) in results.items()}, indent=1) + "\n")
    draw(f"{options.out}.svg", results)


if __name__ == "__main__":
    main()
