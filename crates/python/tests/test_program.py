"""The command `onedge` of the wheel is the program itself."""

import os
import signal
import subprocess
import sys
import time

import pytest

from onedge import _core

pytestmark = pytest.mark.skipif(not hasattr(_core, "program"), reason="a build without the command")
COMMAND = [sys.executable, "-m", "onedge"]
SPEC = ["--set", "data=mixture", "--set", "data.examples=64", "--set", "model=mlp", "--set", "model.hidden=[8]"]


def call(*words, **options):
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, **options)


def test_help_version_and_codes():
    version = call("--version")
    assert version.returncode == 0 and version.stdout.startswith("onedge ")
    told = call("--help")
    assert told.returncode == 0 and "Usage: onedge <COMMAND>" in told.stdout and "Exit codes" in told.stdout
    wrong = call("trian")
    assert wrong.returncode == 2 and "a similar subcommand exists: 'train'" in wrong.stderr and wrong.stdout == ""
    nothing = call()
    assert nothing.returncode == 2 and "Usage: onedge" in nothing.stderr


def test_runs_are_trained_and_listed(tmp_path):
    done = call("train", *SPEC, "--set", "steps=5", "--quiet", cwd=tmp_path)
    assert done.returncode == 0 and "5 steps of" in done.stdout
    assert "cdat" in call("runs", cwd=tmp_path).stdout
    diverged = call("train", *SPEC, "--set", "tuner=constant", "--set", "tuner.rate=1e9", cwd=tmp_path)
    assert diverged.returncode == 1
    misuse = call("train", "--set", "tuner=cdta", cwd=tmp_path)
    assert misuse.returncode == 2 and "try `cdat`" in misuse.stderr


def test_ctrl_c_ends_after_the_step(tmp_path):
    words = [*COMMAND, "train", *SPEC, "--set", "steps=100000000", "--out", "run"]
    running = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    records = tmp_path / "run/steps.jsonl"
    while not records.is_file() or records.stat().st_size == 0:
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    told = running.communicate(timeout=60)
    assert running.returncode == 130 and "interrupted before step" in told[0] + told[1]


def test_shells_get_completions():
    script = call("completions", "bash")
    assert script.returncode == 0 and "complete -o bashdefault" in script.stdout
    asked = {**os.environ, "COMPLETE": "bash", "_CLAP_IFS": "\n", "_CLAP_COMPLETE_INDEX": "1"}
    found = call("--", "onedge", "tra", env=asked)
    assert found.returncode == 0 and "train" in found.stdout.split()


def test_importing_onedge_takes_nothing_that_is_optional():
    code = "import sys, onedge; print([m for m in ('jax', 'torch', 'pandas', 'matplotlib', 'tqdm', 'scipy', 'polars') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
