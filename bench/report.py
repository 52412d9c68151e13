"""The benchmark's table and targets, from the timings that bench/run.py gathered."""

from statistics import median

GEMM_FLOP = 2 * 2048**3
# Widths and examples; the networks themselves stand in peers/problem.py.
NETWORKS = {"relu512": ((3072, 512, 512, 10), 4096), "tanh200": ((3072, 200, 200, 10), 5000)}
TOLERANCE = {"lanczos20": 1e-3}


def flop(network, op):
    """The least work of dense products: first-layer input tangents and adjoints are not needed."""
    widths, examples = NETWORKS[network]
    products = [2 * examples * i * o for i, o in zip(widths, widths[1:])]
    every, inner = sum(products), sum(products[1:])
    forward = every
    gradient = forward + every + inner  # weight gradients; adjoints of all inputs but the data
    curvature = every + inner + inner  # tangents h U + k W; one k U for each inner layer
    hv = (every + inner) + (every + inner) + 2 * inner  # tangents; their weight gradients; adjoints' tangents
    return {
        "forward": forward,
        "gradient": gradient,
        "cdat": gradient + curvature,
        "hv": hv,
        "lanczos20": gradient + 20 * hv,
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
        own = {op: time(network, op, "product") for op in ("gradient", "cdat", "hv", "lanczos20")}
        any_peer = lambda op: time(network, op, "written", "best")
        at_most(network, "CDAT step / as written, better framework", own["cdat"], time(network, "cdat", "written"), 0.6)
        best = 1.0 if network == "relu512" else 0.9
        at_most(network, "CDAT step / best formulation of any", own["cdat"], time(network, "cdat", "best"), best)
        at_most(network, "gradient / as written, better framework", own["gradient"], time(network, "gradient", "written"), 1.0)
        at_most(network, "gradient / best formulation of any", own["gradient"], any_peer("gradient"), 1.0)
        at_most(network, "CDAT step / own gradient", own["cdat"], own["gradient"], 1.65)
        at_most(network, "H v / better peer", own["hv"], any_peer("hv"), 0.9)
        at_most(network, "Lanczos 20 / better peer", own["lanczos20"], any_peer("lanczos20"), 0.9)
        for op in ("gradient", "cdat"):
            if network == "relu512" and own[op]:
                share = flop(network, op) / own[op] / 1e6 / top
                rows.append((f"{network}: {op}, share of GEMM peak", ">= 0.85", share, share >= 0.85))
    return rows


def markdown(result):
    """The report as Markdown, and the list of disagreements."""
    top, lines = peak(result), []
    lines.append(f"{result['machine']}; {result['threads']} thread(s), {result['rounds']} rounds; GEMM peak {top:.0f} GFLOP/s (2048^3, float32)")
    lines.append("")
    lines.append(", ".join(f"{label} {version}" for label, version in result["versions"].items()))
    lines += ["", "| network | op | who | variant | median ms | min ms | share of peak | product / this |", "|---|---|---|---|--:|--:|--:|--:|"]
    for key, cells in result["cells"].items():
        network, op = key.split()
        own = median(cells["product"]["ms"]) if "product" in cells else None
        better = min((l for l in cells if l != "product"), key=lambda l: median(cells[l]["ms"]), default=None)
        for label, cell in cells.items():
            ms = median(cell["ms"])
            share = flop(network, op) / ms / 1e6 / top
            ratio = f"{own / ms:.2f}" if own and label != "product" else ""
            who = f"**{label}**" if label == better else label
            lines.append(f"| {network} | {op} | {who} | {cell['variant']} | {ms:.1f} | {min(cell['ms']):.1f} | {share:.0%} | {ratio} |")
    lines += ["", "Bold: the better peer. Share of peak counts the least FLOP of the operation, so one that does more scores lower."]
    rows = targets(result)
    if rows:
        lines += ["", "| target | expected | got | met |", "|---|--:|--:|---|"]
        lines += [f"| {what} | {expected} | {got:.2f} | {'yes' if met else 'NO'} |" for what, expected, got, met in rows]
    wrong = disagreements(result)
    lines += ["", *(wrong or ["All peers agree on every value (1e-4 relative; 1e-3 for Lanczos)."]), ""]
    return "\n".join(lines), wrong
