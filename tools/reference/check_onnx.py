#!/usr/bin/env python3
"""Runs ONNX files of onedge with the real onnxruntime and compares what they give with what onedge gives.

    python3 check_onnx.py

Every op against its meaning in f64, every model against the engine in f32 (`crates/onnx/examples/onnx_cases.rs`), for
another number of examples than the file was made with. Then a run on a table of texts and missing values: its table is
encoded here, by encoding.json alone; the loss of the exported model is that of the run's summary, and its probabilities
are those of `onedge predict`. onnxruntime goes to tools/.venv once.
"""

import csv
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

from environment import TOOLS, environment, program, run

# Of the largest output; the engine and onnxruntime add up in other orders.
TOLERANCE = 1e-5
TRAIN = ["steps=20", "seed=3", "data=csv", "data.path=t.csv", "data.drop=[id]", "data.missing=median"]
TRAIN += ["data.missing_indicator=true", "data.categorical=[floor]", "model.hidden=[8]", "tuner.sigma=1.0"]


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        example = ["cargo", "run", "--quiet", "-p", "onedge-onnx", "--example", "onnx_cases", folder / "cases"]
        run(example, cwd=TOOLS.parent)
        onedge = program()
        (folder / "t.csv").write_text(table())
        settings = [word for setting in TRAIN for word in ("--set", setting)]
        run([onedge, "train", "--quiet", "--out", "run", *settings], cwd=folder, stdout=subprocess.DEVNULL)
        run([onedge, "export", "run", "--format", "onnx", "-o", "model.onnx"], cwd=folder)
        run([onedge, "predict", "run", "t.csv", "-o", "predicted.csv"], cwd=folder, stdout=subprocess.DEVNULL)
        run([environment(), __file__, "--read", folder])


def table():
    rows = ["id,time,town,floor,kind"]
    for i in range(40):
        time = "" if i % 11 == 5 else str(1_700_000_000 + 97 * i)
        town = ["Ulm", '"Aachen, West"', "", "Bonn"][i % 4]
        rows.append(f"n{i},{time},{town},{i % 3},{['flat', 'house'][i * i % 5 % 2]}")
    return "\n".join(rows) + "\n"


def read(folder):
    import numpy
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)

    def session(path):
        return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def tensor(line):
        shape, values = line.split(":")
        return numpy.array([float(value) for value in values.split()]).reshape([int(n) for n in shape.split()])

    ops, models, worst = set(), 0, 0.0
    for path in sorted((folder / "cases").glob("*.onnx")):
        *inputs, expected = [tensor(line) for line in path.with_suffix(".txt").read_text().splitlines()]
        model = session(path)
        given = {}
        for slot, value in zip(model.get_inputs(), inputs):
            given[slot.name] = value.astype(numpy.int64 if "int64" in slot.type else numpy.float32)
        # Inputs that an op does not read are no inputs of the file's graph; all that it has are given.
        assert len(given) == len(inputs), path
        got = model.run(["output"], given)[0]
        assert got.shape == expected.shape, (path.name, got.shape, expected.shape)
        error = numpy.abs(got - expected).max() / max(numpy.abs(expected).max(), 1e-6)
        assert error < TOLERANCE, (path.name, error)
        worst = max(worst, error)
        if path.name.startswith("model-"):
            models += 1
            assert model.get_inputs()[0].shape[0] == "batch", path.name
            assert ("int64" in model.get_inputs()[0].type) == ("nanolm" in path.name or "tokens" in path.name), path.name
        else:
            ops.add(path.name.split("-")[1])
    assert len(ops) > 40 and models > 10, (ops, models)

    model = session(folder / "model.onnx")
    about = model.get_modelmeta().custom_metadata_map
    encoding = json.loads((folder / "run" / "encoding.json").read_text())
    assert json.loads(about["encoding"]) == encoding and json.loads(about["class_names"]) == ["flat", "house"], about
    rows = list(csv.reader(open(folder / "t.csv")))[1:]
    inputs, labels = zip(*(encoded(row, encoding) for row in rows))
    names = json.loads(about["input_names"])
    assert len(names) == len(inputs[0]) and names[:3] == ["time", "time missing", "town = Aachen, West"], names
    # Times in seconds since 1970 need it.
    assert model.get_inputs()[0].type == "tensor(double)", model.get_inputs()[0].type
    logits = model.run(None, {"input": numpy.array(inputs, numpy.float64)})[0].astype(numpy.float64)
    losses = numpy.log(numpy.exp(logits - logits.max(1, keepdims=True)).sum(1)) + logits.max(1)
    loss = (losses - logits[numpy.arange(len(labels)), list(labels)]).mean()
    expected = json.loads((folder / "run" / "summary.json").read_text())["train"]["loss"]
    assert math.isclose(loss, expected, rel_tol=1e-5), (loss, expected)
    probabilities = numpy.exp(logits - losses[:, None])
    for row, line in zip(probabilities, csv.DictReader(open(folder / "predicted.csv")), strict=True):
        predicted = [float(line["probability of flat"]), float(line["probability of house"])]
        assert numpy.abs(row - predicted).max() < TOLERANCE, (row, line)
    print(f"onnxruntime runs {len(ops)} ops and {models} models to within {worst:.1e}, and a trained one to its loss")


def encoded(row, encoding):
    """The inputs and the label of a row, as docs/RUNS.md says."""
    inputs, label = [], None
    for cell, column in zip(row, encoding["columns"]):
        missing = cell == "" or cell in encoding["missing_marks"]
        if column["role"] == "number":
            x = column["fill"] if missing else float(cell)
            # Scaling is a part of the model.
            inputs.append(x)
            if column["indicator"]:
                inputs.append(float(missing))
        elif column["role"] == "categories":
            inputs += [float(cell == category) for category in column["categories"]]
            inputs += [float(missing)] * column["missing"]
        elif column["role"] == "classes":
            label = column["classes"].index(cell)
    return inputs, label


if __name__ == "__main__":
    read(Path(sys.argv[2])) if sys.argv[1:2] == ["--read"] else main()
