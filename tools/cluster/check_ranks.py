"""Runs `onedge` under a real mpirun: the same bits on any number of ranks, clear ends, resumed runs, plans.

    tools/cluster/check_ranks.py                  # bits, refusals, a measured network, SIGTERM and Ctrl-C, too little memory, three kills
    tools/cluster/check_ranks.py --only kills --kills 50   # kills of a random rank at random moments
    tools/cluster/check_ranks.py --program PATH   # a program that is built already, with the feature mpi

Without --program it builds one. Where there is no mpirun it says so and checks nothing.
"""

import argparse
import fcntl
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MPIRUN = ["mpirun", "-q", "--oversubscribe", "--bind-to", "none", "--mca", "btl_vader_single_copy_mechanism", "none"]
SECONDS = 240

ALWAYS = ["engine.threads=1", "engine.chunk=4", "steps=9"]
MLP = ["data=mixture", "data.examples=96", "model.hidden=[24]"]
DIAGNOSTICS = [
    *("diagnostics.sharpness_every=4", "diagnostics.top_k=2", "diagnostics.trace_every=4", "diagnostics.gauss_newton_every=4"),
    *("diagnostics.batch_sharpness_every=4", "diagnostics.batch_sharpness_batch=16", "diagnostics.layers_every=4"),
    *("diagnostics.noise_scale_every=4", "diagnostics.noise_scale_batch=16", "diagnostics.critical_sharpness_every=4"),
]
IMAGES = ["data=digits", "data.first=48"]
# What keeps many vectors; of more than 32,768 parameters they lie on all ranks.
BASES = ["diagnostics.sharpness_every=2", "diagnostics.top_every=2", "diagnostics.density_every=4", "diagnostics.density_steps=8"]
BLOCKS = ["model.width=8", "model.depth=1"]
# A name, and the settings of a run, of each model one at least; each is done alone and on ranks.
RUNS = {
    "mlp, all diagnostics": [*MLP, *DIAGNOSTICS],
    "mlp, parts, test examples": [*MLP, "engine.lanes=8", "tuner.curvature_parts=3", "data.test_fraction=0.25"],
    "mlp, bases in pieces": [*IMAGES, "model.hidden=[400, 200]", *BASES],
    "linear, double": ["data=red-wine", "data.first=64", "model=linear", "loss=squared", "batch=32", "precision=f64"],
    "convnet, augmented mini-batches": [*IMAGES, "model=convnet", "model.channels=[4, 8]", "batch=24", "crop=1"],
    "resnet": [*IMAGES, "model=resnet", "model.width=8", "model.blocks=[1, 1]", "engine.lanes=8"],
    "mixer, mini-batches": [*IMAGES, "model=mixer", "model.patch=2", *BLOCKS, "batch=16", "engine.lanes=8"],
    "vit": [*IMAGES, "model=vit", "model.patch=2", *BLOCKS, "model.heads=2"],
    "nanolm, adam": ["data=cicero", "data.first=48", "model=nanolm", *BLOCKS, "model.heads=2", "optimizer=adam"],
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", type=Path)
    arguments.add_argument("--kills", type=int, default=3)
    arguments.add_argument("--seed", type=int, default=1, help="of the kills")
    arguments.add_argument("--only", choices=["bits", "refusals", "network", "signals", "memory", "kills"])
    asked = arguments.parse_args()
    if shutil.which("mpirun") is None:
        print("ranks: no mpirun here, so nothing was checked (Debian: openmpi-bin libopenmpi-dev libclang-dev)")
        return
    if hasattr(os, "getuid") and os.getuid() == 0:
        MPIRUN.append("--allow-run-as-root")
    program = asked.program or build()
    # Names of files in the shared memory of Open MPI must be short.
    with tempfile.TemporaryDirectory(prefix="ranks-") as folder:
        check = Check(program.resolve(), Path(folder))
        parts = {
            "bits": check.bits,
            "refusals": check.refusals,
            "network": check.network,
            "signals": check.signals,
            "memory": check.memory,
            "kills": lambda: check.kills(asked.kills, random.Random(asked.seed)),
        }
        for name, part in parts.items():
            if asked.only in (None, name):
                part()


def build():
    command = ["cargo", "build", "-q", "-p", "onedge", "--features", "mpi"]
    subprocess.run(command, cwd=ROOT, check=True)
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    return Path(target) / "debug" / "onedge"


class Check:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def command(self, ranks, *words):
        launch = [*MPIRUN, "-n", str(ranks)] if ranks else []
        return [*launch, str(self.program), *map(str, words)]

    def run(self, ranks, *words):
        return subprocess.run(self.command(ranks, *words), cwd=self.folder, capture_output=True, text=True, timeout=SECONDS)

    def train(self, ranks, name, settings):
        shutil.rmtree(self.folder / name, ignore_errors=True)
        return self.run(ranks, *words_of(name, settings))

    def bits(self):
        """Each run on 1, 2, 4 and 8 ranks is what one process leaves."""
        for name, settings in RUNS.items():
            settings = [*settings, *ALWAYS]
            alone = self.train(0, "alone", settings)
            require((self.folder / "alone" / "params.safetensors").is_file(), f"{name}: {alone.stderr}")
            expected = left(self.folder / "alone")
            for ranks in (1, 2, 4, 8):
                done = self.train(ranks, "ranks", settings)
                require(done.returncode == alone.returncode, f"{name} on {ranks} ranks: {done.returncode}\n{done.stderr}")
                require(left(self.folder / "ranks") == expected, f"{name}: other bits on {ranks} ranks")
                require(ranks == 1 or "went to messages" in done.stderr, f"{name}: {done.stderr}")
            print(f"ranks: {name}: the same bits on 1, 2, 4 and 8 ranks")
        measured = [self.run(ranks, "measure", "alone", "--json").stdout for ranks in (0, 3)]
        require(measured[0] == measured[1] and measured[0], f"measure: {measured}")
        for ranks in (0, 4):
            forked = self.run(ranks, "fork", "alone", "--at", 9, "--out", f"forked-{ranks}", "--set", "steps=12", "--set", "tuner.sigma=1.5")
            require((self.folder / f"forked-{ranks}" / "params.safetensors").is_file(), f"fork: {forked.stderr}")
        require(left(self.folder / "forked-0") == left(self.folder / "forked-4"), "fork: other bits on 4 ranks")

    def refusals(self):
        """What ranks have nothing to do for is refused, with one sentence."""
        refused = self.run(2, "list")
        require(refused.returncode == 2 and refused.stderr.count("error:") == 1, f"list: {refused}")
        wrong = self.run(2, "train", "--set", "model=perceptron")
        require(wrong.returncode == 2 and wrong.stderr.count("error:") == 1, f"a wrong name: {wrong}")
        print("ranks: what is refused ends with one sentence")

    def network(self):
        """What lies between ranks is measured, and a plan made of it; with one process there is nothing to measure."""
        alone = self.run(0, "plan", "--measure-network")
        require(alone.returncode == 2 and alone.stderr.count("\n") == 1 and "mpirun -n 2" in alone.stderr, f"plan alone: {alone}")
        refused = self.run(2, "plan")
        require(refused.returncode == 2 and refused.stderr.count("error:") == 1, f"plan on ranks: {refused}")
        settings = [word for setting in [*MLP, "engine.threads=1"] for word in ("--set", setting)]
        for ranks, pairs, rows in ((2, [[0, 1]], [1, 2]), (4, [[0, 1], [0, 2], [2, 3]], [1, 2, 4])):
            done = self.run(ranks, "plan", "--measure-network", "--json", *settings)
            require(done.returncode == 0, f"plan --measure-network on {ranks} ranks: {done.stderr}")
            plan = json.loads(done.stdout)
            network, over = plan["network"], plan["over_ranks"]
            require(network["ranks"] == ranks, f"{network}")
            require([[pair["from"], pair["to"]] for pair in network["pairs"]] == pairs, f"pairs: {network}")
            for link in [*network["pairs"], network["tree"]]:
                require(0 <= link["latency"] < 1 and 1e5 < link["bandwidth"] < 1e12, f"a link that cannot be: {link}")
            same = [over[key] == network["tree"][key] for key in ("latency", "bandwidth")]
            require(all(same), f"a plan of another network than was measured: {plan}")
            require([row["ranks"] for row in over["rows"]] == rows, f"rows: {over}")
        print("ranks: the network is measured, and a plan made of it")

    # The paper's rule, as the recommended one depends on the number of steps to come.
    LONG = [
        *("data=digits", "data.first=96", "data.label_noise=0.3", "model.hidden=[24]", "batch=64", "tuner.preset=paper"),
        *("checkpoint_every=50", "engine.threads=1", "engine.chunk=8", "diagnostics.sharpness_every=0"),
    ]

    def signals(self):
        """TERM at mpirun, and Ctrl-C at its terminal, end the run as they end one process: everything recorded, a checkpoint, to be resumed with other ranks."""
        for how in ("SIGTERM", "Ctrl-C"):
            terminal, end = os.openpty() if how == "Ctrl-C" else (None, None)
            # Time enough for a step, where the processors have other work; Open MPI waits for all of it.
            process = self.begin(3, "stopped", ["--mca", "odls_base_sigkill_timeout", "5"], end)
            if how == "SIGTERM":
                process.send_signal(signal.SIGTERM)
            else:
                os.close(end)
                os.write(terminal, b"\x03")
            errors = process.communicate(timeout=SECONDS)[1]
            if terminal is not None:
                os.close(terminal)
            summary = self.folder / "stopped" / "summary.json"
            require(summary.is_file(), f"no summary after {how}: {errors}")
            reason = json.loads(summary.read_text())["stop"]["reason"]
            require(reason == "interrupted", f"stopped: {reason}")
            require(errors.count("ending after this step") == 1, f"{how}: expected one sentence, got: {errors}")
            # Open MPI ends with 1 whenever it was told to end, whatever the ranks end with.
            require(process.returncode in (1, 130), f"{how}: ended with {process.returncode}")
            self.goes_on("stopped", 2)
            print(f"ranks: {how} ends a run with its checkpoint and one sentence", flush=True)

    def memory(self):
        """A rank that has too little memory for its share ends the job with one sentence, and the checkpoint stands."""
        self.train(0, "large", [*self.WIDE, "steps=2"])
        self.train(0, "whole", [*self.WIDE, "steps=3"])
        resume = [str(self.program), "resume", "large", "-q", "--steps", "3"]
        # As much as a rank takes that has nothing to do yet, and less than its vectors need beside.
        limited = ["sh", "-c", f"ulimit -v {self.addresses() + 10 * 1024}; exec \"$@\"", "sh", *resume]
        launch = [*MPIRUN, "-n", "1", *resume, ":", "-n", "1", *limited]
        done = subprocess.run(launch, cwd=self.folder, capture_output=True, text=True, timeout=SECONDS)
        said = " ".join(done.stderr.split())
        require(done.returncode == 1 and said.count("error:") == 1, f"too little memory: ended with {done.returncode}: {said}")
        require("error: rank 1 on " in said and "GiB of memory here, expected at most" in said, f"too little memory: {said}")
        resumed = self.run(0, *resume[1:])
        require(resumed.returncode in (0, 1), f"after too little memory: {resumed.stderr}")
        require(left(self.folder / "large")["params"] == left(self.folder / "whole")["params"], "other bits after too little memory")
        print("ranks: a rank with too little memory ends the job with one sentence, and its run goes on where there is enough")

    # 52 MB for each vector of parameters, of which a rank needs seven: far more than what its allocator reserves one time and not the next.
    WIDE = [
        *("data=digits", "data.first=16", "model.hidden=[3500, 3500]", "tuner.preset=paper"),
        *("checkpoint_every=1", "engine.threads=1", "diagnostics.sharpness_every=0"),
    ]

    def addresses(self):
        """The KiB of addresses that a rank takes with a small model."""
        process = self.begin(2, "small")
        sizes = [Path(f"/proc/{rank}/status").read_text() for rank in ranks_of(process.pid)]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)
        return min(int(re.search(r"VmPeak:\s*(\d+) kB", size)[1]) for size in sizes)

    def kills(self, times, draw):
        """A random rank is killed at a random moment; the job ends at once, and its run goes on to the same bits."""
        slowest = 0.0
        for kill in range(times):
            ranks = draw.choice([2, 3, 4])
            process = self.begin(ranks, "killed")
            time.sleep(draw.uniform(0, 1.5))
            victims = ranks_of(process.pid)
            require(len(victims) == ranks, f"expected {ranks} ranks, got {victims}")
            victim = draw.choice(victims)
            os.kill(victim, signal.SIGKILL)
            start = time.monotonic()
            _, errors = process.communicate(timeout=60)
            slowest = max(slowest, time.monotonic() - start)
            require(process.returncode != 0, f"kill {kill}: ended with 0")
            require(not ranks_of(process.pid), f"kill {kill}: ranks are left")
            self.goes_on("killed", draw.choice([0, 2, 4]))
            if (kill + 1) % 10 == 0 and kill + 1 < times:
                print(f"ranks: {kill + 1} of {times} kills", flush=True)
        print(f"ranks: {times} kills: as many clear ends, the slowest after {slowest:.1f} s, and as many resumed runs with the same bits")

    def begin(self, ranks, name, options=(), terminal=None):
        """A long run on ranks that has a checkpoint, at a terminal of its own if there is one."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        command = self.command(ranks, *words_of(name, [*self.LONG, "steps=1000000"]))
        command[1:1] = options
        at = {} if terminal is None else {"stdin": terminal, "start_new_session": True, "preexec_fn": lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)}
        process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **at)
        deadline = time.monotonic() + SECONDS
        while not list((self.folder / name / "checkpoints").glob("*.safetensors")):
            if process.poll() is not None:
                sys.exit(f"ranks: {name} ended: {process.communicate()}")
            require(time.monotonic() < deadline, f"{name}: no checkpoint")
            time.sleep(0.02)
        return process

    def goes_on(self, name, ranks):
        """Resumes a run on other ranks to a step not far off, which one process has reached without a break."""
        steps = len((self.folder / name / "steps.jsonl").read_bytes().splitlines()) + 40
        resumed = self.run(ranks, "resume", name, "-q", "--steps", steps)
        require(resumed.returncode in (0, 1), f"resume of {name} on {ranks} ranks: {resumed.stderr}")
        self.train(0, "whole", [*self.LONG, f"steps={steps}"])
        require(left(self.folder / name)["params"] == left(self.folder / "whole")["params"], f"{name}: other bits after a resume")


def words_of(name, settings):
    return ["train", "--out", name, *(word for setting in settings for word in ("--set", setting))]


def left(run):
    """What a run left that must not depend on ranks: its parameters, and its records without times."""
    data = (run / "params.safetensors").read_bytes()
    (header,) = struct.unpack("<Q", data[:8])
    records = [json.loads(line) for line in (run / "steps.jsonl").read_text().splitlines()]
    for record in records:
        for key in [key for key in record if "sec" in key or "time" in key]:
            del record[key]
    return {"params": data[8 + header :], "records": records}


def ranks_of(launcher):
    """The processes that a launcher has started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = status.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(words[1]) == launcher and words[0] != "Z":
            found.append(int(status.parent.name))
    return found


def require(holds, otherwise):
    if not holds:
        sys.exit(f"ranks: {otherwise}")


if __name__ == "__main__":
    main()
