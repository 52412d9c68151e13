"""Several hosts: a real mpirun over TCP between them, a cable that is pulled, a host that is killed; a sweep on hosts whose clocks differ.

    tools/cluster/check_hosts.py
    tools/cluster/check_hosts.py --only sweep
    tools/cluster/check_hosts.py --program PATH   # a program that is built already, with the feature mpi

The hosts are namespaces of this machine, which tools/cluster/hosts.py makes and takes down. Without --program it builds one. Where hosts cannot be made or
there is no mpirun it says so and checks nothing.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import hosts
from check_ranks import Check as Ranks
from check_ranks import build, left, words_of

SECONDS = 240

# A host is given up after some ten seconds, and rank 0 has time to say whom it waits for before it is killed.
WATCHED = {"oob_tcp_keepalive_time": 5, "oob_tcp_keepalive_intvl": 2, "oob_tcp_keepalive_probes": 3, "odls_base_sigkill_timeout": 4}

SWEEP = """\
steps = 150
checkpoint_every = 50
seed = [0, 1, 2, 3, 4, 5]
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
RUNS = 24


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", type=Path)
    arguments.add_argument("--only", choices=["ranks", "sweep"])
    asked = arguments.parse_args()
    problem = hosts.missing() or (None if shutil.which("mpirun") else "no mpirun here")
    if problem:
        print(f"hosts: {problem}; nothing was checked")
        return
    program = (asked.program or build()).resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("hosts: ended by SIGTERM"))
    with tempfile.TemporaryDirectory(prefix="hosts-") as name:
        folder = Path(name)
        parts = [part for part in (Job, Sweep) if asked.only in (None, part.NAME)]
        checks = []
        try:
            for part in parts:
                checks.append(part(program, folder / part.NAME))
            # A dead worker is known to be dead after a minute, in which there is something else to check.
            for step in ("begin", "check"):
                for check in checks:
                    getattr(check, step)()
        finally:
            for check in checks:
                check.end()


class Part:
    def __init__(self, program, folder):
        folder.mkdir()
        self.program, self.folder = program, folder
        self.hosts = hosts.Hosts.up(folder / "hosts", 3)

    def begin(self):
        pass

    def end(self):
        self.hosts.down()

    def start(self, host, *words, output=subprocess.PIPE):
        command, environment = self.hosts.on(host, *words)
        return subprocess.Popen(command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, text=True)

    def run(self, host, *words):
        process = self.start(host, *words)
        said, _ = process.communicate(timeout=SECONDS)
        return process.returncode, said


class Job(Part):
    """One run on several hosts."""

    NAME = "ranks"

    def mpirun(self, ranks, at, *words):
        on = [f"{host}:{hosts.SLOTS}" for host in at]
        watched = [word for name, value in WATCHED.items() for word in ("--mca", name, str(value))]
        return ["mpirun", *watched, "-n", str(ranks), "--host", ",".join(on), "--map-by", "node", str(self.program), *map(str, words)]

    def alone(self, name, settings):
        shutil.rmtree(self.folder / name, ignore_errors=True)
        subprocess.run([self.program, *words_of(name, settings), "-q"], cwd=self.folder, capture_output=True, timeout=SECONDS)
        return left(self.folder / name)

    def check(self):
        self.bits()
        self.cut()
        self.killed()

    def bits(self):
        settings = [*Ranks.LONG, "steps=30", "diagnostics.sharpness_every=10"]
        expected = self.alone("alone", settings)
        for ranks, at in ((2, ["node1", "node2"]), (4, ["node2", "node3"])):
            shutil.rmtree(self.folder / "spread", ignore_errors=True)
            _, said = self.run(at[0], *self.mpirun(ranks, at, *words_of("spread", settings), "-q"))
            require((self.folder / "spread" / "params.safetensors").is_file(), f"{ranks} ranks: {said}")
            require(left(self.folder / "spread") == expected, f"other bits on {ranks} ranks of two hosts")
        print("hosts: 2 and 4 ranks on two hosts: the bits of one process", flush=True)

    def cut(self):
        """A pulled cable ends the job on both sides of it, and its run goes on elsewhere."""
        process, took = self.lose("cut", ["node1", "node2"], self.hosts.cut, "node2")
        said = flat(process)
        require("lost communication with a remote daemon" in said and "on node node2" in said, f"a cut cable: {said}")
        once("a cut cable", said, r"no answer from rank \d+ on node2")
        self.hosts.mend("node2")
        self.goes_on("cut", 4, ["node2", "node3"])
        print(f"hosts: a cable was pulled: a clear end after {took:.0f} s, and the run went on from another host with the bits of an unbroken one", flush=True)

    def killed(self):
        """All processes of a host are killed at once."""
        process, took = self.lose("killed", ["node1", "node3"], self.hosts.kill, "node3")
        said = flat(process)
        once("a killed host", said, r"no answer from rank \d+ on node3")
        self.goes_on("killed", 2, ["node2", "node1"])
        print(f"hosts: a host was killed: a clear end after {took:.0f} s, and the run went on without it with the bits of an unbroken one", flush=True)

    def lose(self, name, at, how, host):
        """Does something to a host in the middle of a run of two ranks, and waits for the end of both sides."""
        words = words_of(name, [*Ranks.LONG, "checkpoint_every=10", "steps=1000000"])
        process = self.start(at[0], *self.mpirun(2, at, *words, "-q"))
        checkpoints = self.folder / name / "checkpoints"
        until(lambda: list(checkpoints.glob("*.safetensors")) or process.poll() is not None, lambda: f"{name}: no checkpoint")
        if process.poll() is not None:
            sys.exit(f"hosts: {name} ended: {process.communicate()[0]}")
        how(host)
        begun = time.monotonic()
        until(lambda: process.poll() is not None, lambda: f"{name}: the job does not end")
        took = time.monotonic() - begun
        require(process.returncode != 0, f"{name}: ended with 0")
        for one in at:
            until(lambda: not self.hosts.processes(one), lambda: f"{name}: processes are left on {one}")
        return process, took

    def goes_on(self, name, ranks, at):
        steps = len((self.folder / name / "steps.jsonl").read_bytes().splitlines()) + 40
        code, said = self.run(at[0], *self.mpirun(ranks, at, "resume", name, "-q", "--steps", steps))
        require(code in (0, 1), f"resume of {name}: {said}")
        expected = self.alone("whole", [*Ranks.LONG, f"steps={steps}"])
        require(left(self.folder / name)["params"] == expected["params"], f"{name}: other bits after a resume")


class Sweep(Part):
    """Workers on three hosts share a sweep: one clock is right, one two hours behind, one two hours ahead, and so are the stamps of what each writes,
    as on file systems that take the time from whoever writes. One host is killed and one falls asleep, each in the middle of a run.
    """

    NAME = "sweep"
    CLOCKS = {"node1": 0, "node2": -7200, "node3": 7200}

    def begin(self):
        (self.folder / "sweep.toml").write_text(SWEEP)
        self.claims = self.folder / "runs" / ".claims"
        self.claims.mkdir(parents=True)
        self.over = threading.Event()
        self.stamps = threading.Thread(target=self.stamp)
        self.stamps.start()
        self.outputs = {host: (self.folder / f"{host}.txt").open("w") for host in self.CLOCKS}
        self.workers = {}
        for host in ("node3", "node2"):
            self.workers[host] = self.worker(host)
        # Until then they work side by side, four hours apart. The one with the right clock finds a run of each when it comes.
        self.stop_in_a_run("node3", after=2)
        self.hosts.kill("node3")
        self.workers["node3"].wait(SECONDS)
        self.stop_in_a_run("node2", after=3)
        self.workers["node1"] = self.worker("node1")
        command = [self.program, "sweep", "sweep.toml", "--root", "expected", "--quiet"]
        self.workers["alone"] = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def worker(self, host):
        shift = self.CLOCKS[host]
        clock = ["faketime", "--exclude-monotonic", "-f", f"{shift:+d}"] if shift and shutil.which("faketime") else []
        return self.start(host, *clock, self.program, "sweep", "sweep.toml", "--root", "runs", output=self.outputs[host])

    def stamp(self):
        """Gives claims the time of the host that has written them."""
        now = time.time()
        while not self.over.wait(0.01):
            for path, host in self.claimed():
                try:
                    stamp, shift = path.stat().st_mtime, self.CLOCKS[host]
                    if shift and abs(stamp - now) < 3600:
                        os.utime(path, (stamp + shift, stamp + shift))
                except OSError:  # it is gone
                    continue

    def claimed(self):
        found = []
        for path in self.claims.iterdir():
            try:
                found.append((path, json.loads(path.read_text())["host"]))
            except (OSError, ValueError):  # gone, or not written yet
                continue
        return found

    def stop_in_a_run(self, host, after):
        """Stops the processes of a host while they do a run that has a checkpoint, and have ended some."""

        def is_stopped():
            require(self.workers[host].poll() is None, f"{host} has ended: {self.said()}")
            if len(self.lines(host)) < after:
                return False
            self.tell(host, signal.SIGSTOP)
            runs = [path.name for path, owner in self.claimed() if owner == host]
            tokens = [json.loads((self.claims / name).read_text())["token"][:12] for name in runs]
            begun = [run for token in tokens for run in (self.folder / "runs").glob(f"*.unfinished-{token}")]
            if any(list(run.glob("checkpoints/*")) and not (run / "summary.json").exists() for run in begun):
                return True
            self.tell(host, signal.SIGCONT)
            return False

        until(is_stopped, lambda: f"{host} does no run: {self.said()}")

    def tell(self, host, what):
        for process in self.hosts.processes(host):
            os.kill(process, what)

    def check(self):
        self.ends("node1")
        self.tell("node2", signal.SIGCONT)
        self.ends("node2")
        said = self.said()
        taken = {host: re.findall(r"taking over from process \d+ of (\w+), which is gone", said[host]) for host in self.CLOCKS}
        require(sorted(taken["node1"]) == ["node2", "node3"] and not taken["node2"] + taken["node3"], f"taken over: {taken}: {said}")
        lost = [host for host in self.CLOCKS for _ in re.findall("another worker has taken it over", said[host])]
        require(lost == ["node2"], f"lost by {lost}, expected node2 alone: {said}")
        self.each_once()

    def ends(self, host):
        worker = self.workers[host]
        until(lambda: worker.poll() is not None, lambda: f"{host} does not end: {self.said()}")
        require(worker.returncode == 0, f"{host}: {self.said()}")

    def each_once(self):
        self.ends("alone")
        roots = [self.folder / "runs", self.folder / "expected"]
        names = [sorted(path.parent.name for path in root.glob("*/summary.json") if ".abandoned-" not in path.parent.name) for root in roots]
        require(len(names[1]) == RUNS and names[0] == names[1], f"{names[0]}, expected {names[1]}")
        for name in names[0]:
            require(left(roots[0] / name) == left(roots[1] / name), f"{name}: other bits than in one process")
        ended = [line for host in self.CLOCKS for line in self.lines(host)]
        require(sorted(set(ended)) == sorted(ended), f"done twice: {sorted(line for line in set(ended) if ended.count(line) > 1)}")
        require(len(ended) == RUNS, f"{len(ended)} runs were done, expected {RUNS}")
        require(not list(self.claims.iterdir()), "claims are left")
        counts = ", ".join(f"{len(self.lines(host))} on {host} ({shift / 3600:+.0f} h)" for host, shift in self.CLOCKS.items())
        print(f"hosts: {RUNS} runs of a sweep, {counts}; one host killed, one asleep: each run done once, with the bits of one process", flush=True)

    def lines(self, host):
        """The runs that a worker says it has ended."""
        return re.findall(r"^\[\d+/\d+\] (.*?):", self.said()[host], re.MULTILINE)

    def said(self):
        return {host: (self.folder / f"{host}.txt").read_text() for host in self.CLOCKS}

    def end(self):
        if hasattr(self, "over"):
            self.over.set()
            self.stamps.join()
        if alone := getattr(self, "workers", {}).get("alone"):
            alone.kill()
        super().end()


def flat(process):
    """What a process has said, in one line."""
    return " ".join(process.communicate()[0].split())


def once(what, said, sentence):
    require(len(re.findall(sentence, said)) == 1, f"{what}: expected one sentence, got: {said}")


def until(holds, otherwise):
    deadline = time.monotonic() + SECONDS
    while not holds():
        require(time.monotonic() < deadline, otherwise())
        time.sleep(0.02)


def require(holds, otherwise):
    if not holds:
        sys.exit(f"hosts: {otherwise}")


if __name__ == "__main__":
    main()
