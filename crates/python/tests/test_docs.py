"""The code of docs/PYTHON.md runs, block by block, and that of each page of docs/python, from its beginning on."""

import contextlib
import io
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[3] / "docs/PYTHON.md"
PAGES = sorted((DOCS.parent / "python").glob("*.md"))


def blocks_of(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


BLOCKS = blocks_of(DOCS)


def run(name, code, namespace):
    for package in set(re.findall(r"^\s*(?:import|from) (jax|flax|optax|torch|torchvision|lightning|transformers|accelerate|pandas|matplotlib)", code, re.M)):
        pytest.importorskip(package)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, name, "exec"), namespace)
    return printed.getvalue()


@pytest.mark.parametrize("place", range(len(BLOCKS)))
def test_blocks_run(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = run(f"{DOCS.name}, block {place}", BLOCKS[place], {"__name__": "docs"})
    if "top_eigenvalues" in BLOCKS[place]:
        assert "Eigenvalues(values=array(" in printed and "Estimate(value=" in printed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "docs"}
    for place, code in enumerate(blocks_of(page)):
        run(f"{page.name}, block {place}", code, namespace)
