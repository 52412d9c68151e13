"""The line protocol between bench/run.py and a peer (bench/README.md): one command a line in, one JSON object a line out."""

import argparse
import ctypes
import gc
import json
import os
import sys
import time

import problem

OPS = ("gemm", "forward", "gradient", "cdat", "hv", "lanczos20")
FORMULATIONS = ("written", "best")
GEMM_SIZE = 2048
LONG = 2000.0  # milliseconds: what takes longer is tried once, after the call that compiles it


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


def trial(call):
    """The fastest of three calls after two that compile and warm up; of one after one if that is long."""
    call()
    second = milliseconds(call)
    return second if second > LONG else min(milliseconds(call) for _ in range(3))


def resident_mib(key):
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith(key))
    return int(line.split()[1]) / 1024


def peak_mib(make):
    """MiB by which resident memory grows, at most, from data, weights and compiled code alone to the end of two calls.

    Freed memory is handed back first, so that what malloc kept of earlier calls does not hide the growth.
    """
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the high-water mark becomes what is resident now
    before = resident_mib("VmRSS:")
    call = make()
    call()
    call()
    return resident_mib("VmHWM:") - before


def serve(name, version, threads, candidates):
    """Answers `run NETWORK OP FORMULATION REPEATS` until `quit` or end of input.

    `candidates(network, op, formulation)` gives {variant: (make, values)}: `make()` prepares what the operation keeps
    and returns `call`; `call()` does the operation once and waits for it, `values(result)` describes its result. Of
    several variants the fastest is kept; that search and every compilation happen before anything is timed. One that
    fails is reported and left out.
    """
    chosen = {}

    def prepare(key):
        if key not in chosen:
            chosen.clear()  # the driver goes through the cells in order
            gc.collect()
            found, search, failures = candidates(*key), {}, {}
            for variant, (make, _) in found.items():
                try:
                    search[variant] = round(trial(make()), 3)
                except Exception as error:
                    failures[variant] = f"{type(error).__name__}: {error}"[:500]
                gc.collect()
            if not search:
                raise RuntimeError(f"no variant runs: {failures}")
            variant = min(search, key=search.get)
            make, values = found[variant]
            described = {} if key[1] == "gemm" else {"peak_mib": round(peak_mib(make), 1)}
            call = make()
            found.clear()
            described |= {"values": values(call()), "search": search, "failures": failures}
            chosen[key] = (variant, call, described)
        return chosen[key]

    def answer(words):
        if len(words) != 5 or words[0] != "run":
            raise ValueError(f"protocol: expected `run NETWORK OP FORMULATION REPEATS` or `quit`, got {' '.join(words)!r}")
        network, op, formulation, repeats = words[1:]
        if op not in OPS or formulation not in FORMULATIONS:
            raise ValueError(f"protocol: expected an op of {OPS} and a formulation of {FORMULATIONS}, got {op} {formulation}")
        if op != "gemm" and network not in problem.NETWORKS:
            raise ValueError(f"protocol: expected a network of {list(problem.NETWORKS)}, got {network}")
        variant, call, described = prepare((network, op, formulation))
        ms = [milliseconds(call) for _ in range(int(repeats))]
        return {"ok": True, "ms": ms, "variant": variant, **described}

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
