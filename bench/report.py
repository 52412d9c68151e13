"""The benchmark's table and targets, from the timings that bench/run.py gathered."""

from statistics import median

GEMM_FLOP = 2 * 2048**3
TOLERANCE = {"lanczos20": 1e-3}
LANCZOS_STEPS = 20
OLD_NAMES = {"relu512": "mlp", "tanh200": "mlp-tanh-mse"}  # in results of the time when there were two networks


def dense(rows, inputs, outputs, first=False):
    """A layer (multiply-adds, kind): `first` has no adjoint and no tangent of its input, `weights` has both."""
    return rows * inputs * outputs, "first" if first else "weights"


def mlp(examples, *widths):
    return [dense(examples, i, o, layer == 0) for layer, (i, o) in enumerate(zip(widths, widths[1:]))]


def convnet(examples):
    sizes = [(32, 3, 32), (16, 32, 64), (8, 64, 128)]
    convs = [dense(examples * side**2, 9 * i, o, i == 3) for side, i, o in sizes]
    return [*convs, dense(examples, 8 * 8 * 128, 10)]


def resnet20(examples):
    found, inputs = [dense(examples * 32**2, 27, 16, True)], 16
    for stage in range(3):
        rows, outputs = examples * (32 >> stage) ** 2, 16 << stage
        for _ in range(3):
            found += [dense(rows, 9 * inputs, outputs), dense(rows, 9 * outputs, outputs)]
            if inputs != outputs:
                found.append(dense(rows, inputs, outputs))
            inputs = outputs
    return [*found, dense(examples, 64, 10)]


def mixer(examples):
    rows = examples * 64
    block = [dense(examples * 128, 64, 64)] * 2 + [dense(rows, 128, 512), dense(rows, 512, 128)]
    return [dense(rows, 48, 128, True), *block * 4, dense(examples, 128, 10)]


def blocks(examples, positions):
    """Attention's two products, q k^T and p v, are of two values neither of which is a parameter."""
    rows = examples * positions
    attention = (rows * positions * 128, "values")
    return ([dense(rows, 128, 128)] * 4 + [attention] * 2 + [dense(rows, 128, 512), dense(rows, 512, 128)]) * 4


LAYERS = {
    "mlp": mlp(4096, 3072, 512, 512, 10),
    "mlp-tanh-mse": mlp(5000, 3072, 200, 200, 10),
    "convnet": convnet(512),
    "resnet20": resnet20(256),
    "mixer": mixer(256),
    "vit": [dense(256 * 64, 48, 128, True), *blocks(256, 65), dense(256, 128, 10)],
    "nanolm": [*blocks(64, 64), dense(64 * 64, 128, 64)],  # the look-up of tokens multiplies nothing
}
NETWORKS = tuple(LAYERS)
LAYERED = NETWORKS[2:]

# The least share of the GEMM peak at which gradient and CDAT step are to run.
SHARES = {"mlp": 0.85, "convnet": 0.5, "resnet20": 0.5, "mixer": 0.6, "vit": 0.6, "nanolm": 0.6}

# Products of each kind of layer, in units of its forward product. Gradient: one more for each input that is not data. Curvature:
# a tangent for each such input, and for two of them one product of the two tangents. H v: tangents, and for each such input
# the tangent of its adjoint, of two products for two inputs that move and of one for one.
WORK = {
    "forward": {"first": 1, "weights": 1, "values": 1},
    "gradient": {"first": 2, "weights": 3, "values": 3},
    "curvature": {"first": 1, "weights": 3, "values": 3},
    "hv": {"first": 2, "weights": 6, "values": 6},
}


def flop(network, op):
    """The least work of products."""

    def work(what):
        return sum(2 * size * WORK[what][kind] for size, kind in LAYERS[network])

    return {
        "forward": work("forward"),
        "gradient": work("gradient"),
        "cdat": work("gradient") + work("curvature"),
        "hv": work("hv"),
        "lanczos20": work("gradient") + LANCZOS_STEPS * work("hv"),
    }[op]


def peak(result):
    """The best GFLOP/s of any peer's square product in this run."""
    return max(GEMM_FLOP / min(cell["ms"]) / 1e6 for cell in result["gemm"].values())


def disagreements(result):
    """Values that differ from the first peer's by more than the tolerance (1e-4; 1e-3 for Lanczos)."""
    found = []
    for key, cells in result["cells"].items():
        tolerance = TOLERANCE.get(key.split()[1], 1e-4)
        labels = list(cells)
        for label in labels[1:]:
            for name, value in cells[labels[0]]["values"].items():
                other = cells[label]["values"].get(name)
                if other is None or not abs(other - value) <= tolerance * abs(value):
                    found.append(f"{key}: {name} is {value!r} by {labels[0]} and {other!r} by {label}")
    return found


def targets(result):
    """Rows (what, expected, got, met) for every target that can be judged from this run."""
    rows, top = [], peak(result)

    def time(network, op, *labels):
        cells = result["cells"].get(f"{network} {op}", {})
        return min((median(c["ms"]) for l, c in cells.items() if l in labels or l.split()[-1] in labels), default=None)

    def at_most(network, what, ours, theirs, limit):
        if ours and theirs:
            rows.append((f"{network}: {what}", f"<= {limit}", ours / theirs, ours <= limit * theirs))

    for network in NETWORKS:
        layered = network in LAYERED
        own = {op: time(network, op, "product") for op in ("gradient", "cdat", "hv", "lanczos20")}
        any_peer = lambda op: time(network, op, "written", "best")
        at_most(network, "CDAT step / as written, better framework", own["cdat"], time(network, "cdat", "written"), 0.45 if layered else 0.6)
        at_most(network, "CDAT step / best formulation of any", own["cdat"], any_peer("cdat"), 0.65 if layered else 1.0)
        at_most(network, "gradient / better peer", own["gradient"], any_peer("gradient"), 0.9 if layered else 1.0)
        at_most(network, "CDAT step / own gradient", own["cdat"], own["gradient"], 2.1 if layered else 1.65)
        at_most(network, "H v / better peer", own["hv"], any_peer("hv"), 0.9)
        at_most(network, "Lanczos 20 / better peer", own["lanczos20"], any_peer("lanczos20"), 0.9)
        for op in ("gradient", "cdat"):
            least = SHARES.get(network)
            if least and own[op]:
                share = flop(network, op) / own[op] / 1e6 / top
                rows.append((f"{network}: {op}, share of GEMM peak", f">= {least}", share, share >= least))
        peaks = {label: cell.get("peak_mib") for label, cell in result["cells"].get(f"{network} cdat", {}).items()}
        leaner = min((p for label, p in peaks.items() if p and label != "product"), default=None)
        at_most(network, "CDAT step, peak memory / leaner peer", peaks.get("product"), leaner, 1.0)
    return rows


def markdown(result):
    """The report as Markdown, and the list of disagreements."""
    renamed = lambda key: " ".join(OLD_NAMES.get(word, word) for word in key.split())
    result = {**result, "cells": {renamed(key): cells for key, cells in result["cells"].items()}}
    top, lines = peak(result), []
    lines.append(f"{result['machine']}; {result['threads']} thread(s), {result['rounds']} rounds; GEMM peak {top:.0f} GFLOP/s (2048^3, float32)")
    lines.append("")
    lines.append(", ".join(f"{label} {version}" for label, version in result["versions"].items()))
    lines += ["", "| network | op | who | variant | median ms | min ms | share of peak | product / this | peak MiB |", "|---|---|---|---|--:|--:|--:|--:|--:|"]
    for key, cells in result["cells"].items():
        network, op = key.split()
        own = median(cells["product"]["ms"]) if "product" in cells else None
        better = min((l for l in cells if l != "product"), key=lambda l: median(cells[l]["ms"]), default=None)
        for label, cell in cells.items():
            ms = median(cell["ms"])
            share = flop(network, op) / ms / 1e6 / top
            ratio = f"{own / ms:.2f}" if own and label != "product" else ""
            who = f"**{label}**" if label == better else label
            memory = f"{cell['peak_mib']:.0f}" if "peak_mib" in cell else ""
            timing = f"{ms:.1f} | {min(cell['ms']):.1f} | {share:.0%} | {ratio} | {memory}"
            lines.append(f"| {network} | {op} | {who} | {cell['variant']} | {timing} |")
    lines += ["", "Bold: the better peer. Share of peak counts the least FLOP of the operation, so one that does more scores lower. Peak MiB: growth of resident memory over data and weights."]
    rows = targets(result)
    if rows:
        lines += ["", "| target | expected | got | met |", "|---|--:|--:|---|"]
        lines += [f"| {what} | {expected} | {got:.2f} | {'yes' if met else 'NO'} |" for what, expected, got, met in rows]
    wrong = disagreements(result)
    lines += ["", *(wrong or ["All peers agree on every value (1e-4 relative; 1e-3 for Lanczos)."]), ""]
    return "\n".join(lines), wrong
