#!/usr/bin/env python3
"""Installs onedge for Python into an environment of its own, as a user does, and runs its tests there.

    python3 tools/python/check.py [pytest arguments]

The packages go to tools/python/.venv once; onedge is built anew whenever its sources change. PyTorch and what goes with it are 6 GB: where they cannot
be installed, the tests on them are skipped, and it is said so.
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CRATE = HERE.parent.parent / "crates/python"
PACKAGES = [
    "jax==0.10.2", "flax==0.12.8", "optax==0.2.8", "numpy==2.4.6", "scipy==1.17.1", "pandas==3.1.1", "matplotlib==3.11.2", "tqdm==4.70.1",
    "equinox==0.13.8", "dm-haiku==0.0.17", "pytest==9.2.0",
    "pytest-xdist==3.8.0", "hypothesis==6.170.17",
]  # fmt: skip
TORCH = ["torch==2.15.0", "torchvision==0.29.2", "timm==1.0.31", "transformers==5.24.0", "accelerate==1.15.0", "lightning==2.6.6", "tensorboard==2.21.0"]


def run(*command, **options):
    return subprocess.run(command, check=True, **options)


def install(python, packages, stamp):
    """Installs what is not there yet."""
    wanted = "\n".join(packages)
    if not stamp.exists() or stamp.read_text() != wanted:
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages)
        stamp.write_text(wanted)


def main():
    venv = HERE / ".venv"
    python = venv / "bin/python"
    if not python.exists():
        run(sys.executable, "-m", "venv", "--clear", venv)
    install(python, PACKAGES, venv / "packages.txt")
    try:
        install(python, TORCH, venv / "torch.txt")
    except subprocess.CalledProcessError:
        print("PyTorch could not be installed here: the tests of onedge.torch are skipped.", flush=True)
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", CRATE)
    # From the folder of the tests, so that what is imported is what was installed. A worker a core, each of one thread.
    single = {"OMP_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"}
    run(python, "-m", "pytest", "-q", "-n", "auto", "-rs", *sys.argv[1:], cwd=CRATE / "tests", env={**os.environ, **single})


if __name__ == "__main__":
    main()
