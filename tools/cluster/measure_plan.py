"""What `onedge plan --measure-network` predicts for a step on two ranks of one thread, beside steps that were taken.

    tools/cluster/measure_plan.py --program PATH --data DIR                # four networks, three turns each
    tools/cluster/measure_plan.py --program PATH --only convnet --turns 5
    tools/cluster/measure_plan.py --program PATH --mini-batch              # batches of as many, of four times as many

PATH is a release build with the feature mpi. DIR has cifar-10 and tiny-shakespeare, as for `onedge figure --data`; without it, digits and Cicero.
A turn is a plan, a run of one process and a run of two ranks, one after the other, so that all see what else the machine does. Of a run the
median step counts, of turns the median; `shortest` is beside the shortest step of all, which others on the machine delay least. `beside` corrects
the plan by how far the single process was from its own prediction.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

MPIRUN = ["mpirun", "-n", "2", "--oversubscribe", "--bind-to", "core", "--mca", "btl_vader_single_copy_mechanism", "none"]
ALWAYS = ["tuner=cdat", "tuner.preset=paper", "tuner.sigma=1", "engine.threads=1", "engine.lanes=4", "diagnostics.sharpness_every=0"]


def networks(data, is_mini_batch):
    images, text = (["data=digits"], ["data=cicero"])
    if data:
        images = ["data=cifar-10", f"data.path={data / 'cifar-10'}"]
        text = ["data=tiny-shakespeare", f"data.path={data / 'tiny-shakespeare'}"]
    of = {
        "mlp": (1024, [*images, "model=mlp", "model.hidden=[512, 512, 512]"]),
        "convnet": (512, [*images, "model=convnet", "model.channels=[16, 32, 64]"]),
        "resnet20": (64, [*images, "model=resnet", "model.preset=resnet20", "model.norm=none"]),
        "nanolm": (64, [*text, "data.context=64", "model=nanolm", "model.depth=2", "model.qkv=32", "model.heads=4"]),
    }
    count = lambda n: [f"data.first={4 * n}", f"batch={n}"] if is_mini_batch else [f"data.first={n}"]
    return {name: [*settings, *count(n)] for name, (n, settings) in of.items()}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", type=Path, required=True)
    arguments.add_argument("--data", type=Path)
    arguments.add_argument("--only", action="append")
    arguments.add_argument("--mini-batch", action="store_true")
    arguments.add_argument("--turns", type=int, default=3)
    arguments.add_argument("--steps", type=int, default=12)
    asked = arguments.parse_args()
    if hasattr(os, "getuid") and os.getuid() == 0:
        MPIRUN.append("--allow-run-as-root")
    print("network   one: plan, run ms    two: plan, run ms    off (shortest)   beside   efficiency: plan, run   messages: plan, run")
    with tempfile.TemporaryDirectory(prefix="plan-") as folder:
        for name, settings in networks(asked.data and asked.data.resolve(), asked.mini_batch).items():
            if not asked.only or name in asked.only:
                report(name, [turn(asked, Path(folder), settings) for _ in range(asked.turns)])


def turn(asked, folder, settings):
    words = [word for setting in [*settings, *ALWAYS, f"steps={asked.steps}"] for word in ("--set", setting)]
    program = str(asked.program.resolve())
    plan = json.loads(run(folder, *MPIRUN, program, "plan", *words, "--measure-network", "--json")[0])
    one, two = plan["over_ranks"]["rows"]
    alone, _, _ = train(folder, [program], words)
    both, shortest, share = train(folder, [*MPIRUN, program], words)
    return {
        "one": one["seconds"],
        "two": two["seconds"],
        "messages": two["messages"] / two["seconds"],
        "alone": alone,
        "both": both,
        "shortest": shortest,
        "share": share,
    }


def train(folder, launch, words):
    shutil.rmtree(folder / "run", ignore_errors=True)
    _, said = run(folder, *launch, "train", "--out", "run", *words)
    seconds = [json.loads(line)["seconds"] for line in (folder / "run" / "steps.jsonl").read_text().splitlines()]
    # The first steps fill memory.
    steps = [after - before for before, after in zip(seconds[1:], seconds[2:])]
    share = [float(line.split(":")[1].split("%")[0]) for line in said.splitlines() if "went to messages" in line]
    return statistics.median(steps), min(steps), share[0] / 100 if share else 0.0


def run(folder, *command):
    done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True, timeout=900)
    if done.returncode not in (0, 1):
        sys.exit(f"plan: {' '.join(map(str, command))}: {done.stderr}")
    return done.stdout, done.stderr


def report(name, turns):
    middle = {key: statistics.median(turn[key] for turn in turns) for key in turns[0]}
    one, two, alone, both = (1e3 * middle[key] for key in ("one", "two", "alone", "both"))
    shortest = 1e3 * min(turn["shortest"] for turn in turns)
    beside = statistics.median(turn["two"] * turn["alone"] / turn["one"] / turn["both"] for turn in turns)
    print(
        f"{name:<9} {one:10.1f} {alone:7.1f}    {two:10.1f} {both:7.1f}   {100 * (two / both - 1):+4.0f} % ({100 * (two / shortest - 1):+3.0f} %)  {100 * (beside - 1):+4.0f} %"
        f"   {one / two / 2:12.2f} {alone / both / 2:8.2f}   {100 * middle['messages']:9.1f} {100 * middle['share']:6.0f} %",
        flush=True,
    )


if __name__ == "__main__":
    main()
