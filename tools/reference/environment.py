"""What scripts that read onedge's files with other programs share: these programs, and onedge itself."""

import json
import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parent.parent
# TensorBoard itself and onnxruntime, and what reading events and running models needs of their dependencies.
PACKAGES = ["tensorboard==2.21.0", "numpy==2.4.6", "protobuf==7.36.2", "absl-py==2.5.1", "packaging==26.4"]
PACKAGES += ["onnxruntime==1.32.0", "flatbuffers==25.12.19"]


def program():
    """The one that the tests build, and have built if they ran before: its path is in what cargo says of it."""
    command = ["cargo", "test", "--quiet", "--workspace", "--no-run", "--message-format=json"]
    said = subprocess.run(command, cwd=TOOLS.parent, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in filter(lambda line: line.startswith("{"), said.splitlines()):
        artefact = json.loads(line)
        target = artefact.get("target", {})
        if target.get("kind") == ["bin"] and target["name"] == "onedge" and not artefact["profile"]["test"]:
            return artefact["executable"]
    sys.exit("cargo named no program `onedge`")


def run(command, **options):
    subprocess.run(command, check=True, **options)


def environment():
    """A Python that has PACKAGES: in tools/.venv, installed once."""
    venv = TOOLS / ".venv"
    python, stamp, wanted = venv / "bin/python", venv / "packages.txt", "\n".join(PACKAGES)
    if not stamp.exists() or stamp.read_text() != wanted:
        run([sys.executable, "-m", "venv", venv])
        run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", *PACKAGES])
        stamp.write_text(wanted)
    return python
