"""The examples of examples/python run, small, and say what came of it."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

EXAMPLES = Path(__file__).resolve().parents[3] / "examples/python"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    threads = torch.get_num_threads()

    def run(name, *options, needs=()):
        for package in needs:
            pytest.importorskip(package)
        monkeypatch.setattr(sys, "argv", [name, *map(str, options)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    yield run
    torch.set_num_threads(threads)


def cifar(folder, form):
    """Made-up files of CIFAR-10."""
    draws = np.random.default_rng(0)
    for name, count in (("data_batch_1", 24), ("data_batch_2", 8), ("test_batch", 10)):
        labels, pixels = draws.integers(0, 10, count), draws.integers(0, 256, (count, 3072))
        if form == "binary":
            (folder / f"{name}.bin").write_bytes(np.concatenate([labels[:, None], pixels], 1).astype(np.uint8).tobytes())
        else:
            import pickle

            (folder / name).write_bytes(pickle.dumps({b"labels": labels.tolist(), b"data": pixels.astype(np.uint8)}))


def test_resnet(run, tmp_path):
    cifar(tmp_path, "binary")
    told = run("resnet_cifar.py", "--data", tmp_path, "--depth", 10, "--batch", 4, "--steps", 2, "--device", "cpu", needs=["torchvision"])
    assert "2 steps in" in told and "of 10 images it has not seen" in told


@pytest.mark.parametrize("form", ["binary", "python"])
def test_cifar_is_read(tmp_path, monkeypatch, form):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    from cifar import load

    cifar(tmp_path, form)
    images, labels = load(tmp_path)
    assert images.shape == (32, 3, 32, 32) and labels.shape == (32,) and images.dtype == torch.float32
    assert load(tmp_path, train=False, limit=3)[0].shape == (3, 3, 32, 32)
    draws = np.random.default_rng(0)
    first = draws.integers(0, 10, 24)
    assert labels[:24].tolist() == first.tolist()
    red = draws.integers(0, 256, (24, 3072))[0, :1024].reshape(32, 32)
    np.testing.assert_allclose(images[0, 0] * 0.2470 + 0.4914, red / 255, atol=1e-6)
    with pytest.raises(SystemExit, match="expected the files"):
        load(tmp_path / "none")


def test_gpt(run):
    told = run("gpt.py", "--steps", 30, "--layers", 1, "--width", 32, "--batch", 8, "--context", 16, "--device", "cpu")
    held = float(told.split("not seen: ")[1].split()[0])
    assert held < 2.9 and "it writes:" in told


@pytest.mark.filterwarnings("ignore")
def test_lightning(run, tmp_path):
    small = ["--epochs", 1, "--steps", 8, "--batch", 32, "--test-images", 32, "--folder", tmp_path / "kept"]
    told = run("lightning_cifar.py", *small, needs=["lightning"])
    assert "8 steps; the loss of the last one" in told and "found by the tuner" in told and (tmp_path / "kept/last.ckpt").exists()


def test_trainer(run, tmp_path):
    small = ["--steps", 6, "--batch", 4, "--context", 16, "--layers", 1, "--width", 16, "--folder", tmp_path / "kept"]
    told = run("trainer_text.py", *small, needs=["transformers", "accelerate"])
    assert "6 steps: the loss went from 5" in told and "learning rates that were found" in told
    assert "9 steps: the loss went from" in run("trainer_text.py", *small, "--steps", 9, "--resume")


def test_two_processes(tmp_path):
    path = os.pathsep.join([str(EXAMPLES), *filter(None, sys.path)])
    # A port of its own for tests that run at the same time.
    command = [sys.executable, str(EXAMPLES / "ddp.py"), "--steps", "6", "--batch", "16", "--port", str(20000 + os.getpid() % 20000)]
    told = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}, timeout=240, cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "2 processes, 6 steps: the mean loss went from 2." in told.stdout and "their parameters differ by 0.0e+00" in told.stdout


def test_the_notebook(run, monkeypatch):
    monkeypatch.setenv("SECONDS", "0.2")
    monkeypatch.setenv("SEEDS", "2")
    told = run("does_it_help.py")
    assert "fit for curvature" in told and "after the same time." in told and "With your learning rate off by a factor of three" in told
