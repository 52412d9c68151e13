#!/usr/bin/env python3
"""Benchmarks the product against JAX and PyTorch, interleaved in rounds: see bench/README.md.

    python3 bench/run.py [--threads 1] [--rounds 7] [--only mixer,cdat] [--peers product,jax,torch]
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

BENCH = Path(__file__).resolve().parent
sys.path.insert(0, str(BENCH))

import report

OPS = ("forward", "gradient", "cdat", "hv", "lanczos20")
PEERS = ("product", "jax", "torch")
# One arena, so that a peer can hand all freed memory back before it measures how much an operation takes.
ONE_ARENA = "glibc.malloc.arena_max=1"
# Each call of a peer allocates and frees a hundred megabytes; kept by malloc they cost no page faults: 8 % of JAX's best.
KEEP_MEMORY = "glibc.malloc.mmap_threshold=8589934592:glibc.malloc.trim_threshold=17179869184"


def command_line():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="threads and processors for every peer alike")
    parser.add_argument("--rounds", type=int, default=7, help="rounds over all peers; each visits every peer once")
    parser.add_argument("--repeats", type=int, default=3, help="timings per visit (one for lanczos20)")
    parser.add_argument("--only", default="", help="networks and ops to keep, comma-separated (default: all)")
    parser.add_argument("--peers", default=",".join(PEERS), help="which of product,jax,torch (default: all)")
    parser.add_argument("--venv", type=Path, default=BENCH / ".venv", help="Python environment, made if absent")
    parser.add_argument("--name", help="name of the files under bench/results (default: threads<N>)")
    options = parser.parse_args()
    options.name = options.name or f"threads{options.threads}"
    options.peers = options.peers.split(",")
    only = set(filter(None, options.only.split(",")))
    unknown = (only - set(OPS) - set(report.NETWORKS)) | (set(options.peers) - set(PEERS))
    if unknown:
        parser.error(f"unknown {sorted(unknown)}, expected networks of {list(report.NETWORKS)}, ops of {OPS}, peers of {PEERS}")
    available = len(os.sched_getaffinity(0))
    if not 1 <= options.threads <= available:
        parser.error(f"--threads: expected 1 to {available} (processors here), got {options.threads}")
    options.networks = [n for n in report.NETWORKS if n in only] or list(report.NETWORKS)
    options.ops = [o for o in OPS if o in only] or list(OPS)
    return options


def environment(venv):
    """The Python of an environment with exactly bench/requirements.txt, made on first use (about 6 GB, mostly torch)."""
    python, stamp, wanted = venv / "bin/python", venv / "requirements.txt", (BENCH / "requirements.txt").read_text()
    if not (stamp.exists() and stamp.read_text() == wanted):
        print(f"bench: installing bench/requirements.txt into {venv} (once, about 6 GB)", flush=True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", BENCH / "requirements.txt"], check=True)
        stamp.write_text(wanted)
    return python


def build_product():
    """The product's bench binary, or None where its source does not exist."""
    root = BENCH.parent
    if not (root / "crates/onedge/examples/bench_peer").exists():
        print("bench: product left out, crates/onedge/examples/bench_peer does not exist", flush=True)
        return None
    subprocess.run(["cargo", "build", "--release", "-p", "onedge", "--example", "bench_peer"], cwd=root, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", root / "target")) / "release/examples/bench_peer"


class Peer:
    """A process that speaks the line protocol, for one formulation."""

    def __init__(self, name, formulation, command, threads):
        self.label = name if name == "product" else f"{name} {formulation}"
        self.formulation = formulation
        variables = {**os.environ, "OMP_NUM_THREADS": str(threads), "CUDA_VISIBLE_DEVICES": ""}
        variables["GLIBC_TUNABLES"] = f"{ONE_ARENA}:{KEEP_MEMORY}" if formulation == "best" else ONE_ARENA
        processors = sorted(os.sched_getaffinity(0))[:threads]
        self.stderr = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [*map(str, command), "--threads", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.stderr,
            text=True,
            env=variables,
            preexec_fn=lambda: os.sched_setaffinity(0, processors),
        )
        self.hello = self.reply()

    def reply(self):
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.stderr.seek(0)
            raise SystemExit(f"bench: {self.label} ended with code {code}; its last words:\n{self.stderr.read()[-2000:]}")
        return json.loads(line)

    def run(self, network, op, repeats):
        self.process.stdin.write(f"run {network} {op} {self.formulation} {repeats}\n")
        self.process.stdin.flush()
        reply = self.reply()
        if not reply["ok"]:
            print(f"bench: {self.label}, {network} {op}: {reply['error']}", flush=True)
            return None
        return reply

    def quit(self):
        self.process.stdin.close()
        self.process.wait()


def start(options):
    peers = []
    for name in options.peers:
        if name == "product":
            binary = build_product()
            if binary:
                peers.append(Peer(name, "best", [binary], options.threads))
            continue
        python = environment(options.venv)
        for formulation in ("written", "best"):
            peers.append(Peer(name, formulation, [python, BENCH / f"peers/{name}_peer.py"], options.threads))
    return peers


def measure(peers, network, op, rounds, repeats):
    """{label: {ms, variant, values, peak_mib}}, the timings gathered in rounds over the peers."""
    cells = {}
    for peer in peers:
        reply = peer.run(network, op, 0)  # compile, choose the variant, warm up
        if reply:
            cells[peer.label] = {**reply, "ms": []}
    for _ in range(rounds):
        for peer in peers:
            reply = peer.run(network, op, repeats) if peer.label in cells else None
            if reply:
                cells[peer.label]["ms"] += reply["ms"]
    return {label: cell for label, cell in cells.items() if cell["ms"]}


def processor():
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} processors"


def save(result, name):
    """Writes what is measured so far: compiling is slow, and a run may be cut off."""
    text, disagreements = report.markdown(result)
    results = BENCH / "results"
    results.mkdir(exist_ok=True)
    (results / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    (results / f"{name}.md").write_text(text)
    return text, disagreements


def main():
    options = command_line()
    peers = start(options)
    result = {
        "machine": processor(),
        "threads": options.threads,
        "rounds": options.rounds,
        "versions": {p.label: p.hello["version"] for p in peers},
        "gemm": measure(peers, "-", "gemm", options.rounds, options.repeats),
        "cells": {},
    }
    text, disagreements = "", []
    for network in options.networks:
        for op in options.ops:
            print(f"bench: {network} {op}", flush=True)
            repeats = 1 if op == "lanczos20" else options.repeats
            result["cells"][f"{network} {op}"] = measure(peers, network, op, options.rounds, repeats)
            text, disagreements = save(result, options.name)
    for peer in peers:
        peer.quit()
    print(text)
    print(f"bench: wrote bench/results/{options.name}.json and .md")
    return 1 if disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
