#!/usr/bin/env python3
"""Fetches the data files that are built into crates/data, byte for byte, and checks their SHA-256 sums.

    python3 tools/embedded/regenerate.py            write the files
    python3 tools/embedded/regenerate.py --check    only compare them with those in the repository

Needs Python 3.9+, cargo and access to PyPI and crates.io. Everything fetched goes into a temporary folder, which
also holds the virtual environment that runs pip.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

TARGET = Path(__file__).resolve().parents[2] / "crates" / "data" / "embedded"
SUMS = {
    "digits.csv.gz": "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22",
    "winequality-red.csv.gz": "bfded8adb9d2709f4c88b911787fedee4d75962a3593c3d175285ab299445462",
}


def digits(folder: Path) -> bytes:
    """The digits from scikit-learn's wheel, which is unpacked but never installed."""
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    # The file is the same in every wheel; a fixed platform makes the choice of wheel independent of this machine.
    platform = ["--platform", "manylinux2014_x86_64", "--python-version", "3.12", "--only-binary", ":all:"]
    wheels = folder / "wheels"
    subprocess.run(
        [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps"]
        + platform
        + ["--dest", wheels, "scikit-learn==1.7.2"],
        check=True,
    )
    (wheel,) = wheels.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        return archive.read("sklearn/datasets/data/digits.csv.gz")


def red_wine(folder: Path) -> bytes:
    """The wines from the crate linfa-datasets, fetched through a throw-away package that depends on it."""
    package = folder / "package"
    (package / "src").mkdir(parents=True)
    (package / "src" / "lib.rs").touch()
    (package / "Cargo.toml").write_text(
        '[package]\nname = "throw-away"\nversion = "0.0.0"\nedition = "2021"\n'
        '[dependencies]\nlinfa-datasets = "=0.8.1"\n[workspace]\n'
    )
    subprocess.run(["cargo", "vendor", "--quiet", "vendor"], cwd=package, check=True, stdout=subprocess.DEVNULL)
    return (package / "vendor" / "linfa-datasets" / "data" / "winequality-red.csv.gz").read_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        files = {"digits.csv.gz": digits(Path(folder)), "winequality-red.csv.gz": red_wine(Path(folder))}
    for name, data in files.items():
        got = hashlib.sha256(data).hexdigest()
        if got != SUMS[name]:
            sys.exit(f"{name}: wrong checksum, expected {SUMS[name]}, got {got}")
        if check and (TARGET / name).read_bytes() != data:
            sys.exit(f"{TARGET / name}: differs from its source; try running this script without --check")
        if not check:
            TARGET.mkdir(exist_ok=True)
            (TARGET / name).write_bytes(data)
        print(f"{name}: {len(data)} bytes, sha-256 {got}")


if __name__ == "__main__":
    main()
