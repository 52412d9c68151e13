#!/usr/bin/env python3
"""Draws docs/images/idea.svg, the picture at the head of the README, from the runs that `onedge demo` leaves.

    onedge demo
    python3 tools/pictures/idea.py runs/demo docs/images/idea.svg

Left: the quadratic model of the loss along the update u, with the greedy rate and the rate on the edge. Middle and right:
sharpness and learning rate of the greedy rule and of CDAT at sigma 2, as recorded (means of ten steps). Needs nothing but Python.
"""

import json
import math
import sys
from pathlib import Path

WIDTH, HEIGHT, MARGIN = 300, 250, 48
GREEDY, CDAT, GREY = "#c2571a", "#1b6ca8", "#555"


def records(folder):
    lines = (json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines())
    return [line for line in lines if line.get("learning_rate") is not None]


def text(x, y, content, color="#222", anchor="middle", size=12):
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{color}" text-anchor="{anchor}" font-size="{size}">{content}</text>'


def line(points, color, width=2.0, dash=""):
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dash = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"{dash}/>'


def averaged(points, count=60):
    """At most so many points, each the geometric mean of its neighbours."""
    size = math.ceil(len(points) / count)
    groups = (points[i : i + size] for i in range(0, len(points), size))
    return [(group[0][0], math.exp(sum(math.log(value) for _, value in group) / len(group))) for group in groups]


def frame(title, below):
    right, bottom = WIDTH - 12, HEIGHT - MARGIN
    axes = line([(MARGIN, 30), (MARGIN, bottom), (right, bottom)], GREY, 1)
    return [axes, text((MARGIN + right) / 2, 18, title, size=13), text((MARGIN + right) / 2, HEIGHT - 12, below, GREY)]


def model():
    """q(eta) = f + eta s + eta^2/2 c with s = -1, c = 1: greedy at 1, edge at 2."""
    right, bottom = WIDTH - 12, HEIGHT - MARGIN
    x = lambda eta: MARGIN + 10 + eta / 2.35 * (right - MARGIN - 20)
    y = lambda eta: 95 - (-eta + eta * eta / 2) * 150
    q = [(x(i / 50), y(i / 50)) for i in range(0, 116)]
    out = frame("loss along the step w + η u", "learning rate η")
    out += [line([(x(0), y(0)), (right, y(0))], GREY, 1, "4 4"), line(q, "#222")]
    for eta, color in ((0, "#222"), (1, GREEDY), (2, CDAT)):
        out.append(f'<circle cx="{x(eta):.1f}" cy="{y(eta):.1f}" r="5" fill="{color}"/>')
        out.append(line([(x(eta), bottom), (x(eta), bottom + 5)], GREY, 1))
    out += [text(x(0) + 8, y(0) - 9, "now", anchor="start"), text(x(1), y(1) + 20, "greedy", GREEDY)]
    out += [text(x(2) - 6, y(2) - 12, "on the edge", CDAT, "end"), text(x(1), bottom + 18, "-g·u / u·Hu", GREEDY, size=11)]
    return out + [text(x(2), bottom + 18, "twice that", CDAT, size=11)]


def curves(title, runs, pick, ticks):
    right, bottom = WIDTH - 12, HEIGHT - MARGIN
    low, high = math.log(ticks[0]), math.log(ticks[-1])
    y = lambda value: bottom - (math.log(min(max(value, ticks[0]), ticks[-1])) - low) / (high - low) * (bottom - 34)
    out = frame(title, "step")
    for tick in ticks:
        out += [line([(MARGIN - 4, y(tick)), (MARGIN, y(tick))], GREY, 1), text(MARGIN - 7, y(tick) + 4, f"{tick:g}", GREY, "end", 11)]
    for steps, color, name, place in runs:
        points = averaged([(r["step"], pick(r)) for r in steps if pick(r) is not None and r["step"] > 0])
        last = max(r["step"] for r in steps)
        x = lambda step: MARGIN + step / last * (right - MARGIN)
        out.append(line([(x(step), y(value)) for step, value in points], color, 1.6))
        near = [value for step, value in points if abs(step / last - 0.7) < 0.1]
        out.append(text(x(0.7 * last), y(sum(near) / len(near)) + place, name, color))
    out += [text(MARGIN, bottom + 16, "0", GREY, size=11), text(right, bottom + 16, f"{last + 1}", GREY, "end", 11)]
    return out


def main():
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    greedy, cdat = records(folder / "greedy"), records(folder / "CDAT--sigma-2")
    runs = lambda a, b: [(greedy, GREEDY, "greedy", a), (cdat, CDAT, "CDAT, on the edge", b)]
    panels = [
        model(),
        curves("sharpness", runs(-10, -14), lambda r: r.get("sharpness"), [1, 3, 10, 30, 100]),
        curves("learning rate", runs(26, -12), lambda r: r["learning_rate"], [0.01, 0.03, 0.1, 0.3, 1, 3]),
    ]
    body = "".join(f'<g transform="translate({i * WIDTH},0)">{"".join(panel)}</g>' for i, panel in enumerate(panels))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {3 * WIDTH} {HEIGHT}" font-family="sans-serif">'
    target.write_text(f'{head}<rect width="100%" height="100%" fill="white"/>{body}</svg>\n')


main()
