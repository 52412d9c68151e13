"""The tour of docs/python runs as a script, as far as its packages are there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from onedge import _core

TOUR = Path(__file__).resolve().parents[3] / "docs/python/tour.py"


@pytest.mark.skipif(not hasattr(_core, "train"), reason="a build without training")
def test_the_tour_runs(tmp_path):
    for package in ("flax", "matplotlib", "pandas"):
        pytest.importorskip(package)
    environment = {**os.environ, "MPLBACKEND": "Agg", "TMPDIR": str(tmp_path)}
    told = subprocess.run([sys.executable, TOUR], capture_output=True, text=True, env=environment, timeout=300)
    assert told.returncode == 0, told.stderr
    for part in ("told apart", "x sharpness in the end", "final_loss", "trace from the density", "runs and pictures are in"):
        assert part in told.stdout, part
    (folder,) = tmp_path.glob("onedge-tour-*")
    assert sorted(path.name for path in folder.glob("*.png")) == ["density.png", "sharpness.png", "tuners.png"]
