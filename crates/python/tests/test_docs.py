"""The code of docs/PYTHON.md runs, block by block."""

import contextlib
import io
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[3] / "docs/PYTHON.md"
BLOCKS = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)


@pytest.mark.parametrize("place", range(len(BLOCKS)))
def test_blocks_run(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for package in set(re.findall(r"^\s*(?:import|from) (jax|flax|optax|torch|pandas|matplotlib)", BLOCKS[place], re.M)):
        pytest.importorskip(package)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(BLOCKS[place], f"{DOCS.name}, block {place}", "exec"), {"__name__": "docs"})
    if "top_eigenvalues" in BLOCKS[place]:
        assert "Eigenvalues(values=array(" in printed.getvalue() and "Estimate(value=" in printed.getvalue()
