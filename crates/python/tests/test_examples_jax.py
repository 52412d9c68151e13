"""The examples in JAX of examples/python run, small, and the benchmark for GPUs in its small form."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("flax", reason="flax is not installed")
pytest.importorskip("optax", reason="optax is not installed")

ROOT = Path(__file__).resolve().parents[3]


def test_vit_in_flax(tmp_path, monkeypatch, capsys):
    draws = np.random.default_rng(0)
    for name, count in (("data_batch_1", 12), ("data_batch_2", 4), ("test_batch", 6)):
        rows = np.concatenate([draws.integers(0, 10, (count, 1)), draws.integers(0, 256, (count, 3072))], 1)
        (tmp_path / f"{name}.bin").write_bytes(rows.astype(np.uint8).tobytes())
    script = str(ROOT / "examples/python/vit_flax.py")
    for data in (["--data", str(tmp_path)], ["--data", str(tmp_path / "nowhere")]):
        monkeypatch.setattr(sys, "argv", ["vit_flax.py", *data, "--batch", "8", "--steps", "3", "--width", "16", "--layers", "1"])
        if "nowhere" in data[1]:
            with pytest.raises(SystemExit, match="binary version of CIFAR-10"):
                runpy.run_path(script, run_name="__main__")
        else:
            runpy.run_path(script, run_name="__main__")
            told = capsys.readouterr().out
            assert "step     3  loss" in told and "of 6 images it has not seen" in told


def test_gpu_benchmark_in_small(tmp_path):
    out = tmp_path / "result.json"
    command = [sys.executable, str(ROOT / "bench/gpu/bench.py"), "--small", "--rounds", "1", "--only", "jax,gpt,f32", "--out", str(out)]
    done = subprocess.run(command, env={**os.environ, "JAX_PLATFORMS": "cpu"}, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(out.read_text())["cells"]["jax gpt f32"]
    assert found["over plain"]["plain"] == 1 and set(found["ms"]) == {"plain", "cdat", "cdat every 8"}
    assert all(np.isfinite(found[f"loss of {name}"]) for name in found["ms"]) and found["sharpness"]["products"] <= 30
