#!/usr/bin/env python3
"""Makes folders of runs to measure `onedge serve` with: many short ones, or a few long ones.

    python3 make_runs.py many FOLDER [RUNS]             10,000 runs with a summary each, in groups of 500
    python3 make_runs.py long FOLDER [RUNS [RECORDS]]   20 runs of 1,000,000 records (70 bytes each, 1.6 GB in all)

The records are no training's: a loss that falls, noise, and one spike in a million records that a picture must not lose.
"""

import math
import random
import sys
from pathlib import Path

SPEC = """name = "{name}"
steps = {steps}
seed = {seed}
[data]
name = "digits"
side = 4
[model]
name = "mlp"
hidden = [16]
[tuner]
name = "{tuner}"
[provenance]
id = "{run:08x}"
started = "2026-11-{day:02}T{hour:02}:00:00Z"
version = "0.1.0"
"""
SUMMARY = ('{{"name":"{name}","version":"0.1.0","stop":{{"reason":"steps_done"}},"steps":{steps},"parameters":442,"seconds":{0:.6f},"spectrum_seconds":0.0,'
           '"cost":{1:.6f},"first_loss":2.3,"final_loss":{2:.6f},"best_loss":{3:.6f},"events":{{}},"train":{{"accuracy":{4:.6f},"loss":0.2}},"test":{{"accuracy":{5:.6f}}}}}')


def run(folder, number, steps):
    folder.mkdir(parents=True)
    tuner = ["cdat", "greedy", "on-edge"][number % 3]
    words = dict(name=folder.name, steps=steps, seed=number % 10, tuner=tuner, run=number, day=1 + number % 28, hour=number % 24)
    (folder / "spec.toml").write_text(SPEC.format(**words))


def many(root, runs=10_000):
    draw = random.Random(1)
    for number in range(runs):
        folder = root / f"group-{number // 500}" / f"run-{number:05}"
        run(folder, number, 100)
        numbers = [draw.random(), 300 + draw.random(), *(draw.random() for _ in range(4))]
        (folder / "summary.json").write_text(SUMMARY.format(*numbers, name=folder.name, steps=100))
        (folder / "steps.jsonl").write_text('{"step":0,"loss":2.3,"learning_rate":0.1,"cost":3.0,"seconds":0.1}\n')


def long(root, runs=20, records=1_000_000):
    for number in range(runs):
        folder = root / f"long-{number:02}"
        run(folder, number, records)
        draw = random.Random(number).random
        spike = 7 * records // 11 + number
        with open(folder / "steps.jsonl", "w", buffering=1 << 20) as file:
            for step in range(records):
                loss = 50.0 if step == spike else math.exp(-step / (0.3 * records)) * (1 + 0.1 * draw())
                file.write('{"step":%d,"loss":%.8g,"learning_rate":%.8g,"cost":%.1f,"seconds":%.3f}\n' % (step, loss, 0.1 + 0.01 * draw(), 3.0 * (step + 1), step * 1e-3))
        numbers = [records * 1e-3, 3.0 * records, 0.04, 0.03, draw(), draw()]
        (folder / "summary.json").write_text(SUMMARY.format(*numbers, name=folder.name, steps=records))


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("many", "long"):
        sys.exit(__doc__)
    {"many": many, "long": long}[sys.argv[1]](Path(sys.argv[2]), *map(int, sys.argv[3:]))
