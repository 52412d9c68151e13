"""Two processes, each with half of a batch, measure the spectrum of the whole."""

import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

WORKER = """
import sys, torch, onedge.torch
torch.set_num_threads(1)
rank, place = int(sys.argv[1]), sys.argv[2]
torch.distributed.init_process_group("gloo", init_method=f"file://{place}/rendezvous", rank=rank, world_size=2)
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1)).double()
x = torch.randn(12, 3).double()
y = x[:, :1].sin()
own = slice(6 * rank, 6 * rank + 6)
model = torch.nn.parallel.DistributedDataParallel(model)
one = onedge.torch.sharpness(model, torch.nn.MSELoss(), (x[own], y[own]), k=2, tolerance=1e-8)
several = onedge.torch.sharpness(model, torch.nn.MSELoss(), [(x[own][:2], y[own][:2]), (x[own][2:], y[own][2:])], k=2, tolerance=1e-8)
whole = onedge.torch.sharpness(model.module, torch.nn.MSELoss(), (x, y), k=2, tolerance=1e-8)
print(*one.values, *several.values, *whole.values)
torch.distributed.destroy_process_group()
"""


@pytest.mark.skipif(not torch.distributed.is_available() or sys.platform == "win32", reason="PyTorch without its processes")
def test_two_processes_measure_the_mean(tmp_path):
    import subprocess

    workers = [subprocess.Popen([sys.executable, "-c", WORKER, str(rank), str(tmp_path)], stdout=subprocess.PIPE, text=True) for rank in range(2)]
    said = [np.array(worker.communicate(timeout=300)[0].split(), float) for worker in workers]
    np.testing.assert_array_equal(said[0], said[1])
    one, several, whole = said[0].reshape(3, 2)
    np.testing.assert_allclose([one, several], [whole, whole], rtol=1e-8)
