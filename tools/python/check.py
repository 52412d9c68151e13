#!/usr/bin/env python3
"""Installs onedge for Python into an environment of its own, as a user does, and runs its tests there.

    python3 tools/python/check.py [pytest arguments]

The packages go to tools/python/.venv once; onedge is built anew whenever its sources change.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CRATE = HERE.parent.parent / "crates/python"
PACKAGES = ["jax==0.10.2", "flax==0.12.8", "optax==0.2.8", "numpy==2.4.6", "pytest==9.2.0"]


def run(*command, **options):
    subprocess.run(command, check=True, **options)


def main():
    venv = HERE / ".venv"
    python, stamp, wanted = venv / "bin/python", venv / "packages.txt", "\n".join(PACKAGES)
    if not stamp.exists() or stamp.read_text() != wanted:
        run(sys.executable, "-m", "venv", "--clear", venv)
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES)
        stamp.write_text(wanted)
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", CRATE)
    # From the folder of the tests, so that what is imported is what was installed.
    run(python, "-m", "pytest", "-q", *sys.argv[1:], cwd=CRATE / "tests")


if __name__ == "__main__":
    main()
