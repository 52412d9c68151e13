#!/usr/bin/env python3
"""Every linesearch with every base optimizer of the paper on four problems from five seeds, full batch, single precision:
does any freeze?

A run is frozen where its rate stays under a millionth of the run's median rate (over the steps that moved) for 20 steps
in a row though the gradient is not zero, so that there is a way down.

    python3 tools/reference/linesearches.py ONEDGE FOLDER [JOBS]

runs `onedge sweep` on a file that it writes into FOLDER, and prints the table of docs/TUNERS.md: in each cell the runs
that froze of five, the longest row of such steps, the median of the final losses. No packages needed.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tomllib

STEPS, SEEDS, ROW, SMALL = 300, 5, 20, 1e-6
TUNERS = ["armijo", "wolfe", "sls", "pal"]
OPTIMIZERS = ["gd", "momentum", "rmsprop", "adam"]
PROBLEMS = {
    "logistic": ('{ name = "digits", first = 256 }', '{ name = "cross-entropy" }', '{ name = "linear" }'),
    "tanh": (
        '{ name = "digits", first = 256, label_noise = 1.0 }',
        '{ name = "cross-entropy" }',
        '{ name = "mlp", hidden = [32, 32], activation = "tanh" }',
    ),
    "wine": (
        '{ name = "red-wine", first = 256 }',
        '{ name = "squared" }',
        '{ name = "mlp", hidden = [32, 32], activation = "relu" }',
    ),
    "text": (
        '{ name = "cicero", first = 32, context = 16 }',
        '{ name = "cross-entropy" }',
        '{ name = "nanolm", depth = 2, width = 16, heads = 2, qkv = 16, mlp = 32 }',
    ),
}


def sweep():
    lines = ['name = "linesearches"', f"steps = {STEPS}", f"seed = {list(range(SEEDS))}", "[engine]", "threads = 1"]
    for data, loss, model in PROBLEMS.values():
        for tuner in TUNERS:
            for optimizer in OPTIMIZERS:
                lines += ["[[sweep.variants]]", f"data = {data}", f"loss = {loss}", f"model = {model}"]
                lines += [f'optimizer = {{ name = "{optimizer}" }}', f'tuner = {{ name = "{tuner}" }}']
    return "\n".join(lines) + "\n"


def problem(spec):
    model = spec["model"]["name"]
    return {"linear": "logistic", "nanolm": "text"}.get(model) or ("wine" if spec["data"]["name"] == "red-wine" else "tanh")


def longest(flags):
    best = now = 0
    for flag in flags:
        now = now + 1 if flag else 0
        best = max(best, now)
    return best


def read(folder):
    spec = tomllib.loads((folder / "spec.toml").read_text())
    records = [json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines()]
    records = [r for r in records if r.get("learning_rate") is not None]
    moved = [r["learning_rate"] for r in records if r["learning_rate"] > 0.0]
    limit = SMALL * statistics.median(moved) if moved else 0.0
    frozen = longest(r["learning_rate"] <= limit and r["gradient_norm"] > 0.0 for r in records)
    summary = json.loads((folder / "summary.json").read_text())
    key = (problem(spec), spec["tuner"]["name"], spec["optimizer"]["name"])
    return {"key": key, "frozen": frozen, "last": summary["final_loss"]}


def main():
    program, root = sys.argv[1], pathlib.Path(sys.argv[2])
    jobs = sys.argv[3] if len(sys.argv) > 3 else "2"
    root.mkdir(parents=True, exist_ok=True)
    (root / "linesearches.toml").write_text(sweep())
    subprocess.run(
        [program, "sweep", str(root / "linesearches.toml"), "--root", str(root / "runs"), "--jobs", jobs, "-q"],
        stdout=subprocess.DEVNULL,
        check=False,
    )
    runs = [read(path.parent) for path in sorted((root / "runs").rglob("summary.json"))]
    print("| problem | tuner | " + " | ".join(OPTIMIZERS) + " |")
    print("|" + "---|" * (2 + len(OPTIMIZERS)))
    for name in PROBLEMS:
        for tuner in TUNERS:
            cells = [cell([run for run in runs if run["key"] == (name, tuner, optimizer)]) for optimizer in OPTIMIZERS]
            print(f"| {name} | `{tuner}` | " + " | ".join(cells) + " |")


def cell(runs):
    """Runs that froze, the longest row of such steps, and the median of the final losses."""
    if len(runs) != SEEDS:
        return f"{len(runs)} runs"
    frozen, row = sum(run["frozen"] >= ROW for run in runs), max(run["frozen"] for run in runs)
    return f"{frozen}, {row}, {statistics.median(run['last'] for run in runs):.2g}"


if __name__ == "__main__":
    main()
