"""The line protocol between bench/run.py and a peer (bench/README.md): one command a line in, one JSON object a line out."""

import argparse
import json
import os
import sys
import time

import problem

OPS = ("gemm", "forward", "gradient", "cdat", "hv", "lanczos20")
FORMULATIONS = ("written", "best")
GEMM_SIZE = 2048


def threads_from_command_line():
    """Parses --threads N and keeps this process on the first N processors it is allowed: JAX has no other reliable limit."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    threads = parser.parse_args().threads
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    return threads


def milliseconds(call):
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


def serve(name, version, threads, candidates):
    """Answers `run NETWORK OP FORMULATION REPEATS` until `quit` or end of input.

    `candidates(network, op, formulation)` gives {variant: (call, values)}: `call()` does the operation once and waits
    for it, `values(result)` describes its result. Of several variants the fastest (minimum of 3, after 2 warm-up
    calls) is kept; that search and every compilation happen before anything is timed.
    """
    chosen = {}

    def prepare(key):
        if key not in chosen:
            search = {}
            for variant, (call, values) in candidates(*key).items():
                call()
                call()
                search[variant] = (min(milliseconds(call) for _ in range(3)), call, values)
            variant = min(search, key=lambda v: search[v][0])
            _, call, values = search[variant]
            chosen[key] = (variant, call, values(call()), {v: round(s[0], 3) for v, s in search.items()})
        return chosen[key]

    def answer(words):
        if len(words) != 5 or words[0] != "run":
            raise ValueError(f"protocol: expected `run NETWORK OP FORMULATION REPEATS` or `quit`, got {' '.join(words)!r}")
        network, op, formulation, repeats = words[1:]
        if op not in OPS or formulation not in FORMULATIONS:
            raise ValueError(f"protocol: expected an op of {OPS} and a formulation of {FORMULATIONS}, got {op} {formulation}")
        if op != "gemm" and network not in problem.NETWORKS:
            raise ValueError(f"protocol: expected a network of {list(problem.NETWORKS)}, got {network}")
        variant, call, values, search = prepare((network, op, formulation))
        ms = [milliseconds(call) for _ in range(int(repeats))]
        return {"ok": True, "ms": ms, "variant": variant, "values": values, "search": search}

    def say(reply):
        print(json.dumps(reply), flush=True)

    say({"ok": True, "peer": name, "version": version, "threads": threads})
    for line in sys.stdin:
        words = line.split()
        if words == ["quit"]:
            return
        if words:
            try:
                say(answer(words))
            except Exception as error:  # the driver reports it and goes on with the other peers
                say({"ok": False, "error": f"{type(error).__name__}: {error}"[:2000]})
