#!/usr/bin/env python3
"""Products H v of eight vectors at once beside eight one after the other: the product alone, one thread, in turns.

Once with what the gradient's pass leaves kept, once with nothing kept (`ONEDGE_BENCH_MEMORY=0`), where each product computes it again.
"""

import argparse
import json
import os
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NETWORKS = ["mlp", "mlp-tanh-mse", "convnet", "resnet20", "mixer", "vit", "nanolm"]
BUILD = ["cargo", "build", "--release", "--locked", "-p", "onedge", "--example", "bench_peer"]


class Peer:
    """The product's process, which answers line by line."""

    def __init__(self, kept):
        environment = os.environ if kept else {**os.environ, "ONEDGE_BENCH_MEMORY": "0"}
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        program = [str(target / "release/examples/bench_peer"), "--threads", "1"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(program, env=environment, **pipes)
        self.process.stdout.readline()

    def ask(self, network, op):
        """Milliseconds of the processor, and the value."""
        self.process.stdin.write(f"run {network} {op} best 1\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if not answer["ok"]:
            raise SystemExit(f"{network}, {op}: {answer['error']}")
        return answer["processor_ms"][0], answer["values"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default=",".join(NETWORKS), help="separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    subprocess.run(BUILD, cwd=ROOT, check=True)
    print("| network | what is kept | one after the other, ms | at once, ms | ratio |\n|---|---|--:|--:|--:|")
    for network in asked.networks.split(","):
        for kept in [True, False]:
            peer = Peer(kept)
            single, together = [], []
            for _ in range(asked.rounds):
                one_by_one, expected = peer.ask(network, "hv8-single")
                at_once, got = peer.ask(network, "hv8")
                if got != expected:
                    raise SystemExit(f"{network}: expected {expected}, got {got} at once")
                single.append(one_by_one)
                together.append(at_once)
            peer.close()
            times = statistics.median(single), statistics.median(together)
            what = "all" if kept else "nothing"
            print(f"| {network} | {what} | {times[0]:.0f} | {times[1]:.0f} | {times[1] / times[0]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
