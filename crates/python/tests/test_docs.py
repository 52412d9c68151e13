"""The code of docs/PYTHON.md runs."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[3] / "docs/PYTHON.md"


def test_the_example_runs(capsys):
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert len(blocks) == 1
    exec(compile(blocks[0], str(DOCS), "exec"), {})
    printed = capsys.readouterr().out
    assert "Eigenvalues(values=array(" in printed and "Estimate(value=" in printed
