#!/usr/bin/env python3
"""Reads event files of `onedge export --format tensorboard` with the real TensorBoard and compares them with the CSV.

    python3 read_tensorboard.py

Trains for a moment in a temporary folder, with the program built as for tests. TensorBoard, without the server that it
usually comes with, goes to tools/.venv once (about 100 MB).
"""

import csv
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

from environment import environment, program, run

TRAIN = ["steps=25", "seed=3", "batch=64", "data.first=256", "model.hidden=[8]", "tuner.sigma=2.0625"]
TRAIN += ["diagnostics.sharpness_every=5", "diagnostics.top_k=3", "diagnostics.trace_every=10"]


def main():
    with tempfile.TemporaryDirectory() as folder:
        onedge = [program()]
        settings = [word for setting in TRAIN for word in ("--set", setting)]
        run([*onedge, "train", "--quiet", *settings], cwd=folder, stdout=subprocess.DEVNULL)
        run([*onedge, "export", "cdat", "--format", "tensorboard", "-o", "board"], cwd=folder)
        run([*onedge, "export", "cdat", "-o", "steps.csv"], cwd=folder)
        run([*onedge, "runs", "show", "cdat", "--json"], cwd=folder, stdout=open(Path(folder, "run.json"), "w"))
        run([environment(), __file__, "--read", folder])


def read(folder):
    import numpy
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2

    facts = json.loads((folder / "run.json").read_text())
    events = EventAccumulator(str(folder / "board" / "cdat"), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    rows = list(csv.DictReader(open(folder / "steps.csv")))
    compared = 0
    for column in list(rows[0])[1:]:
        expected = [(int(row["step"]), numpy.float32(row[column])) for row in rows if row[column] != ""]
        got = [(event.step, numpy.float32(event.value)) for event in events.Scalars(column)] if expected else []
        assert len(got) == len(expected), (column, got, expected)
        for (step, value), (wanted_step, wanted) in zip(got, expected):
            same = value == wanted or (math.isnan(value) and math.isnan(wanted))
            assert step == wanted_step and same, (column, step, value, wanted)
        compared += len(expected)
    assert set(events.Tags()["scalars"]) == {column for column in list(rows[0])[1:] if any(row[column] for row in rows)}
    assert compared > 200 and "trace" in events.Tags()["scalars"]

    def data(tag):
        content = events.SummaryMetadata(tag).plugin_data.content
        return plugin_data_pb2.HParamsPluginData.FromString(content)

    start = data("_hparams_/session_start_info").session_start_info
    parameters = {key: getattr(value, value.WhichOneof("kind")) for key, value in start.hparams.items()}
    assert parameters["tuner.sigma"] == 2.0625 and parameters["seed"] == 3, parameters
    assert parameters["tuner"] == "cdat" and parameters["drop_last"] is True, parameters
    assert all(facts[key] == value or str(value) == str(facts[key]) or isinstance(value, bool) for key, value in parameters.items()), (facts, parameters)
    assert data("_hparams_/session_end_info").session_end_info.status == api_pb2.STATUS_SUCCESS
    text = events.Tensors("spec/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "    [tuner]" in text.splitlines(), text
    assert abs(events.Scalars("loss")[0].wall_time - start.start_time_secs) < 60
    print(f"tensorboard reads {compared} scalars, {len(parameters)} hyper-parameters and the spec as they were recorded")


if __name__ == "__main__":
    read(Path(sys.argv[2])) if sys.argv[1:2] == ["--read"] else main()
