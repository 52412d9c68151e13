"""Submits the job scripts of docs/CLUSTER.md to a real Slurm: ranks, a job cut off by its time limit, a sweep of which tasks are killed.

    tools/cluster/check_slurm.py                  # 80 runs in the sweep
    tools/cluster/check_slurm.py --runs 200
    tools/cluster/check_slurm.py --only sweep
    tools/cluster/check_slurm.py --program PATH   # a program that is built already, with the feature mpi

Slurm is one of its own, which tools/cluster/slurm.py makes and takes down. Without --program it builds one. Where Slurm or MPI is missing it says
so and checks nothing.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import slurm
from check_ranks import ROOT, build, left

SECONDS = 240
TASKS = 4

SPEC = """\
steps = 1000000
batch = 64
checkpoint_every = 50
[data]
name = "digits"
first = 96
label_noise = 0.3
[model]
hidden = [24]
[tuner]
name = "cdat"
preset = "paper"            # it does not depend on the number of steps to come
[engine]
threads = 1
chunk = 8
"""

SWEEP = """\
steps = 300
checkpoint_every = 100
seed = [{seeds}]
[data]
name = "digits"
first = 96
[model]
hidden = [24]
[engine]
threads = 1
[tuner]
name = "cdat"
sigma = [1.5, 1.75, 2.0, 2.25]
"""


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", type=Path)
    arguments.add_argument("--runs", type=int, default=80, help="of the sweep, a multiple of 4")
    arguments.add_argument("--only", choices=["ranks", "limit", "sweep"])
    asked = arguments.parse_args()
    problem = slurm.missing() or (None if shutil.which("mpirun") else "no mpirun here")
    if problem:
        print(f"slurm: {problem}; nothing was checked")
        return
    program = (asked.program or build()).resolve()
    with tempfile.TemporaryDirectory(prefix="slurm-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # munged wants its socket where every user can reach it
        os.environ["SLURM_CONF"] = str(slurm.up(folder / "cluster"))
        try:
            check = Check(program, folder)
            # The job with a time limit waits for most of a minute, so it begins first.
            limited = check.begin_limited() if asked.only in (None, "limit") else None
            if asked.only in (None, "ranks"):
                check.ranks()
            if asked.only in (None, "sweep"):
                check.sweep(asked.runs)
            if limited:
                check.limit(limited)
        finally:
            slurm.down(folder / "cluster")


class Check:
    def __init__(self, program, folder):
        self.folder, self.program = folder, program
        (folder / "bin").mkdir()
        (folder / "bin" / "onedge").symlink_to(program)
        os.environ["PATH"] = f"{folder / 'bin'}:{os.environ['PATH']}"
        page = (ROOT / "docs" / "CLUSTER.md").read_text()
        for script in re.findall(r"```sh\n(#!/bin/bash\n.*?)```", page, re.DOTALL):
            job = re.search(r"--job-name=(\S+)", script)[1]
            (folder / f"{job}.sbatch").write_text(script)
        (folder / "spec.toml").write_text(SPEC)

    def run(self, *command):
        return subprocess.run([*map(str, command)], cwd=self.folder, capture_output=True, text=True, timeout=SECONDS)

    def submit(self, *words):
        done = self.run("sbatch", "--parsable", *words)
        require(done.returncode == 0, f"sbatch: {done.stderr}")
        return done.stdout.strip()

    def field(self, job, name):
        shown = self.run("scontrol", "show", "job", "-o", job).stdout
        return re.search(rf"\b{name}=(\S+)", shown)[1]

    def ends(self, job):
        """Waits for the end of a job, or of a task of an array; gives its state."""
        over = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")
        until(lambda: self.field(job, "JobState") in over, lambda: f"job {job} does not end: {self.outputs()}")
        return self.field(job, "JobState")

    def outputs(self):
        return {path.name: path.read_text() for path in sorted(self.folder.glob("*.txt"))}

    def ranks(self):
        """srun starts two ranks, and they leave what one process leaves."""
        words = ["--set", "steps=30", "--set", "checkpoint_every=0", "--quiet"]
        done = self.run("srun", "--mpi=pmix", "-n", 2, "onedge", "train", "spec.toml", "--out", "ranks", *words)
        require("went to messages" in done.stderr or (self.folder / "ranks" / "summary.json").is_file(), f"srun -n 2: {done.stderr}")
        alone = self.run("onedge", "train", "spec.toml", "--out", "alone", *words)
        require(done.returncode == alone.returncode, f"srun -n 2: {done.returncode}, alone {alone.returncode}: {done.stderr}")
        require(left(self.folder / "ranks") == left(self.folder / "alone"), "srun -n 2: other bits than one process")
        print("slurm: srun --mpi=pmix -n 2: the bits of one process", flush=True)

    def begin_limited(self):
        return self.submit("--time=1", "--signal=TERM@50", "train.sbatch")

    def limit(self, job):
        """A job that its time limit cuts off is requeued by its script, and goes on to the bits of an unbroken run."""
        run = self.folder / "runs" / f"train-{job}"
        until(lambda: int(self.field(job, "Restarts")) >= 1, lambda: f"the job was not requeued: {self.outputs()}")
        records = run / "steps.jsonl"
        cut = len(records.read_bytes().splitlines())
        require(cut > 0, "the job was cut off before its first step")
        until(lambda: len(records.read_bytes().splitlines()) > cut + 20, lambda: f"the requeued job does not go on: {self.outputs()}")
        self.run("scancel", job)
        require(self.ends(job) == "CANCELLED", f"scancel: {self.outputs()}")
        until(lambda: not self.processes(f"runs/train-{job}"), lambda: "ranks are left")
        steps = len(records.read_bytes().splitlines()) + 40
        resumed = self.run("onedge", "resume", run, "-q", "--steps", steps)
        require(resumed.returncode in (0, 1), f"resume: {resumed.stderr}")
        self.run("onedge", "train", "spec.toml", "--out", "whole", "-q", "--set", f"steps={steps}")
        require(left(run) == left(self.folder / "whole"), "other bits after the time limit")
        print(f"slurm: cut off by its time limit after {cut} steps, requeued, and resumed bit-identically to step {steps}", flush=True)

    def sweep(self, runs):
        """Four tasks of an array share a sweep; one is killed and requeued, one is killed and its share taken over: each run is done once."""
        (self.folder / "sweep.toml").write_text(SWEEP.format(seeds=", ".join(map(str, range(runs // 4)))))
        array = self.submit("sweep.sbatch")
        finished = lambda task: self.lines(f"sweep-{array}_{task}.txt")
        # One through Slurm, one behind its back.
        until(lambda: finished(2), lambda: f"task 2 does no run: {self.outputs()}")
        self.run("scancel", "--signal=KILL", f"{array}_2.0")
        until(lambda: finished(3), lambda: f"task 3 does no run: {self.outputs()}")
        victims = self.processes(f"--array 3/{TASKS}")
        require(victims, "task 3 is over already")
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        for task in (2, 3):
            require(self.ends(f"{array}_{task}") == "FAILED", f"task {task} was over before it was killed: {self.outputs()}")
        requeued = self.run("scontrol", "requeue", f"{array}_2")
        require(requeued.returncode == 0, f"scontrol requeue: {requeued.stderr}")
        worker = self.run("srun", "-n", 1, "onedge", "sweep", "sweep.toml", "--root", "runs")
        (self.folder / "worker.txt").write_text(worker.stdout + worker.stderr)
        require(worker.returncode == 0, f"the worker: {worker.stdout}{worker.stderr}")
        for task in (1, 2, 4):
            require(self.ends(f"{array}_{task}") == "COMPLETED", f"task {task}: {self.outputs()}")
        self.each_once(runs)

    def each_once(self, runs):
        roots = [self.folder / "runs", self.folder / "expected"]
        whole = self.run("onedge", "sweep", "sweep.toml", "--root", "expected", "--jobs", 2, "--quiet")
        require(whole.returncode == 0, f"one process: {whole.stderr}")
        names = [sorted(path.parent.name for path in root.glob("*/summary.json") if not path.parent.name.startswith("train-")) for root in roots]
        require(len(names[1]) == runs and names[0] == names[1], f"{len(names[0])} runs, expected {runs}: {names[0]}")
        for name in names[0]:
            require(left(roots[0] / name) == left(roots[1] / name), f"{name}: other bits than in one process")
        ended = [line for path in self.folder.glob("*.txt") for line in self.lines(path.name)]
        # A worker may be killed between the end of a run and its line.
        require(len(set(ended)) == len(ended), f"done twice: {sorted(line for line in set(ended) if ended.count(line) > 1)}")
        require(runs - 2 <= len(ended) <= runs, f"{len(ended)} runs were done")
        print(f"slurm: {runs} runs as an array of {TASKS} tasks, two of them killed: each done once, with the bits of one process", flush=True)

    def lines(self, name):
        """The runs that a worker says it has ended."""
        path = self.folder / name
        return re.findall(r"^\[\d+/\d+\] (.*?):", path.read_text(), re.MULTILINE) if path.is_file() else []

    def processes(self, words):
        """The processes of `onedge` in this folder with these words in their command."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                here = Path(os.readlink(process / "cwd")) == self.folder
            except OSError:
                continue
            if here and Path(command.split(" ")[0]).name == "onedge" and words in command:
                found.append(int(process.name))
        return found


def until(holds, otherwise):
    deadline = time.monotonic() + SECONDS
    while not holds():
        require(time.monotonic() < deadline, otherwise())
        time.sleep(0.05)


def require(holds, otherwise):
    if not holds:
        sys.exit(f"slurm: {otherwise}")


if __name__ == "__main__":
    main()
