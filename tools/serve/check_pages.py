#!/usr/bin/env python3
"""Opens every page of `onedge serve` in a real headless Chromium and uses it: filter, sort, zoom, compare, a sweep, a run that is training and is stopped, a server
that is started again. No page may ask for anything but this server, none may fail, none may be wider than its window.

    python3 check_pages.py [FOLDER]

Without a Chromium it says so and checks nothing.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from browser import Browser, installed

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "reference"))
from environment import program

ROOT = Path(__file__).resolve().parent.parent.parent
SETTINGS = ["steps=120", "data.first=120", "data.test_fraction=0.25", "data.side=4", "model.hidden=[8]", "evaluation.every=20", "diagnostics.sharpness_every=5",
            "diagnostics.top_k=3", "diagnostics.layers_every=30", "diagnostics.density_every=40"]
NAME = "<img src=x onerror=alert(1)>"
LINES = "document.querySelectorAll('.grid .line').length"
DRAWN = "document.querySelectorAll('.plot .main-svg').length"


def main():
    parser = argparse.ArgumentParser(description="Opens and uses every page of `onedge serve` in a headless Chromium.")
    parser.add_argument("pictures", metavar="FOLDER", nargs="?", type=Path, help="where pictures of all pages go; none are taken without it")
    pictures = parser.parse_args().pictures
    if installed() is None:
        print("check_pages: no Chromium is installed (Debian: apt-get install chromium), so the pages were not opened")
        return
    # That of the tests: by itself it has fewer features of some dependencies, and nearly everything would be built again.
    onedge = Path(program())
    with tempfile.TemporaryDirectory() as folder:
        prepare(onedge, folder)
        server = Server(onedge, folder, 0)
        browser = Browser()
        try:
            check(browser, server, onedge, folder)
            if pictures:
                take(browser, server, pictures)
        finally:
            browser.close()
            server.end()
    print("the pages open, filter, sort, zoom, show a sweep, follow a run, stop it and survive a restart")


def train(onedge, folder, *more, wait=True):
    words = [word for setting in [*SETTINGS, *more] for word in ("--set", setting)]
    process = subprocess.Popen([onedge, "train", "--quiet", *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if wait:
        process.wait()
    return process


def prepare(onedge, folder):
    for seed in (0, 1):
        for tuner in ("cdat", "greedy"):
            train(onedge, folder, f"tuner={tuner}", f"seed={seed}", f"name={tuner}-{seed}")
    train(onedge, folder, "tuner=constant", "tuner.rate=1e4", f"name='{NAME}'")
    subprocess.run([onedge, "figure", "9", "--preset", "tiny"], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sweep(onedge, folder)
    broken = Path(folder) / "runs" / "broken"
    broken.mkdir()
    (broken / "spec.toml").write_text("steps = [")
    markup = Path(folder) / "runs" / NAME.replace("/", "")
    markup.mkdir()
    (markup / "spec.toml").write_text(f"name = \"{NAME}\"\nsteps = 1\n")


def sweep(onedge, folder):
    """A grid with runs that diverge, and one whose worker is gone."""
    lines = [f"{setting.split('=')[0]} = {setting.split('=')[1]}" for setting in SETTINGS if not setting.startswith("diagnostics")]
    grid = "\n".join([*lines, 'name = "grid"', "batch = [16, 32]", 'tuner.name = "constant"', "tuner.rate = [0.05, 0.2, 1e4]", "[sweep]", ""])
    (Path(folder) / "grid.toml").write_text(grid)
    subprocess.run([onedge, "sweep", "grid.toml", "--quiet"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    runs = Path(folder) / "runs"
    lost = sorted(runs.glob("grid-*"))[0]
    (lost / "summary.json").unlink()
    planned = json.loads((runs / "grid.sweep" / "plan.json").read_text())["runs"]
    digest = next(run["digest"] for run in planned if lost.name.endswith(run["digest"]))
    lost.rename(runs / f"{lost.name}.unfinished-0123456789ab")
    claim = runs / ".claims" / (digest + "0" * 52)
    claim.write_text(json.dumps({"host": "elsewhere", "space": "", "pid": 7, "started": 1, "token": "0"}))
    os.utime(claim, (time.time() - 300, time.time() - 300))


class Server:
    def __init__(self, onedge, folder, port):
        self.process = subprocess.Popen([onedge, "serve", "--port", str(port)], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.address = self.process.stdout.readline().split()[-1]
        self.port = int(self.address.rstrip("/").split(":")[-1])

    def page(self, name):
        return f"{self.address}#/{name}"

    def end(self):
        self.process.kill()
        self.process.wait()


def go(browser, server, page, until):
    browser.open("about:blank")
    browser.open(server.page(page))
    return browser.wait(until)


def check(browser, server, onedge, folder):
    # The table: all runs, the broken one as broken, a name of markup as text.
    go(browser, server, "runs", f"{LINES} === 13")
    assert browser.run("document.querySelectorAll('.grid img').length") == 0
    assert NAME in browser.run("document.querySelector('.grid').innerText")
    typed(browser, "tuner=")
    browser.wait("document.getElementById('filter-error').textContent.startsWith('where: column 7: expected a value')")
    typed(browser, "tuner=cdat or tuner=greedy")
    browser.wait(f"{LINES} === 4 && document.getElementById('count').textContent === '4 of 13 runs'")
    browser.run("[...document.querySelectorAll('.head button')].find(one => one.textContent.startsWith('final_loss')).click()")
    losses = "[...document.querySelectorAll('.grid .line')].map(line => Number(line.children[6].textContent))"
    values = browser.run(losses)
    assert len(values) == 4 and values == sorted(values), values
    browser.run("[...document.querySelectorAll('.head button')].find(one => one.textContent.startsWith('final_loss')).click()")
    assert browser.run(losses) == values[::-1]
    choose(browser, "by", "tuner")
    browser.wait("document.querySelectorAll('#groups tbody tr').length === 2 && document.getElementById('groups').innerText.includes('±')")
    # By the keyboard alone: the second row, selected, then opened.
    browser.run("document.querySelector('.grid').focus()")
    browser.press("ArrowDown", 40)
    browser.press(" ", 32, " ")
    browser.wait("document.getElementById('compare').textContent === 'compare 1'")
    browser.press("ArrowDown", 40)
    browser.press(" ", 32, " ")
    browser.run("document.getElementById('compare').click()")
    browser.wait(f"location.hash.startsWith('#/compare?') && {DRAWN} >= 8")
    assert browser.run("document.querySelectorAll('.key span').length") == 2

    # A comparison: another axis, smoothing, means, a zoom that all panels share.
    go(browser, server, "compare?" + "&".join(f"run={tuner}-{seed}" for tuner in ("cdat", "greedy") for seed in (0, 1)), f"{DRAWN} >= 8")
    browser.wait("[...document.querySelectorAll('#by option')].some(one => one.value === 'tuner')")
    choose(browser, "by", "tuner")
    browser.wait("document.querySelectorAll('.key span').length === 2")
    press_button(browser, "mean over each colour")
    browser.wait("document.querySelector('.plot').data.some(trace => trace.fill === 'tonexty')")
    press_button(browser, "mean over each colour")
    choose(browser, "smoothing", "0.9")
    browser.wait("document.querySelector('.plot').data.length === 8")
    zoom(browser)
    browser.wait("[...document.querySelectorAll('.plot')].slice(0, 4).every(plot => plot.layout.xaxis.range && plot.layout.xaxis.range[1] < 100)")
    choose(browser, "axis", "cost")
    browser.wait("document.querySelector('.plot').layout.xaxis.title.text.startsWith('cost')")

    # A run: curves, edge, eigenvalues, layers, density, words that explain themselves.
    go(browser, server, "run?run=cdat-0", f"{DRAWN} >= 16")
    browser.wait("['largest eigenvalues', 'sharpness of each layer', 'density of eigenvalues along the run'].every(title => document.body.innerText.includes(title))")
    assert browser.run("[...document.querySelectorAll('.plot')].some(plot => plot.layout?.shapes?.some(shape => shape.y0 === 2))")
    browser.run("document.querySelector('.term').focus()")
    browser.wait("!document.getElementById('hint').hidden && document.getElementById('hint').textContent.includes('loss')")
    go(browser, server, "run?run=broken", "document.body.innerText.includes('This folder is broken: spec.toml')")
    go(browser, server, "run?run=nonsense", "document.body.innerText.includes('expected one below')")
    go(browser, server, "nonsense", "document.body.innerText.includes('There is no page')")

    # Tags, each after a question.
    go(browser, server, "run?run=cdat-0", "document.querySelector('#tags input')")
    browser.run("window.confirm = () => true; document.querySelector('#tags input').value = 'good'; document.querySelector('#tags form button').click()")
    browser.wait("document.querySelector('#tags').innerText.includes('good ×')")
    browser.run("document.querySelector('#tags > button').click()")
    browser.wait("!document.querySelector('#tags').innerText.includes('good ×')")

    # A note, on the page and in the table.
    browser.run("window.confirm = () => true; document.querySelector('#note input').value = 'the one <b>in the picture</b>'; document.querySelector('#note button').click()")
    browser.wait("document.querySelector('#note').innerText.includes('kept')")
    go(browser, server, "runs?where=note~picture", f"{LINES} === 1 && document.querySelector('.grid').innerText.includes('<b>in the picture</b>')")

    # A sweep, by the link from all runs: how far it is, what failed and why, who is gone, the pictures of its points.
    go(browser, server, "runs", "document.querySelector('#sweeps a')")
    browser.run("document.querySelector('#sweeps a').click()")
    browser.wait(f"location.hash.startsWith('#/sweep?') && {DRAWN} >= 2")
    browser.wait("document.getElementById('progress').innerText.startsWith('5 of 6 runs') && document.getElementById('progress').innerText.includes('nobody works on it')")
    assert browser.run("document.getElementById('workers').innerText.includes('is gone')")
    assert browser.run("document.querySelectorAll('#failures tbody tr').length") >= 2
    assert "diverged" in browser.run("document.getElementById('failures').innerText")
    assert "rate=" in browser.run("document.getElementById('best').innerText")
    assert browser.run("[...document.querySelectorAll('.plot')].some(plot => plot.data?.some(trace => trace.type === 'heatmap' && trace.x.length === 3 && trace.y.length === 2))")
    choose(browser, "value", "seconds")
    browser.wait("[...document.querySelectorAll('.plot')].some(plot => plot.data?.some(trace => trace.type === 'heatmap' && trace.name === 'seconds'))")

    # Figures with their pictures.
    go(browser, server, "figures", "document.querySelector('.picture img')?.naturalWidth > 100")
    assert "Must show" in browser.run("document.body.innerText")

    # The model moves with its sliders.
    go(browser, server, "theory", f"{DRAWN} >= 4 && document.getElementById('verdict').textContent.startsWith('CDAT')")
    browser.run("{ const slider = document.getElementById('sigma'); slider.value = 1.9; slider.dispatchEvent(new Event('input')); }")
    browser.wait("document.getElementById('verdict').textContent.includes('sigma 1.9: the sharpness still rises, and the rate sinks')")

    follow(browser, server, onedge, folder)
    foreign = [one for one in browser.requests if not one.startswith((server.address, "about:", "data:", "blob:"))]
    assert not foreign, foreign
    # Refusals that were asked for, and the time without a server, are in the log of the browser.
    wrong = [one for one in browser.errors if not any(known in one for known in ("400", "404", "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE"))]
    assert not wrong, wrong
    for width, dark in ((360, True), (1280, False), (2560, False)):
        browser.look(width, 900, dark)
        for page, until in (("runs", f"{LINES} > 3"), ("run?run=cdat-0", f"{DRAWN} >= 8"), ("sweep", f"{DRAWN} >= 2"), ("theory", f"{DRAWN} >= 4")):
            go(browser, server, page, until)
            assert browser.run("document.documentElement.scrollWidth <= innerWidth"), (page, width)
    browser.look(1280, 900, False)


def follow(browser, server, onedge, folder):
    """A run that is training grows on its page, also after the server was away, with every step once."""
    process = train(onedge, folder, "name=live", "steps=1000000", "diagnostics.layers_every=0", "diagnostics.density_every=0", wait=False)
    try:
        steps = Path(folder) / "runs" / "live" / "steps.jsonl"
        while not (steps.exists() and steps.stat().st_size > 1000):
            time.sleep(0.05)
        reached = "(Number(/^step (\\d+)/.exec(document.getElementById('progress')?.textContent ?? '')?.[1] ?? 0))"
        go(browser, server, "run?run=live", f"document.getElementById('status')?.textContent === 'running' && {reached} > 0")
        first = browser.run(reached)
        browser.wait(f"{reached} > {first}")
        server.end()
        browser.wait("document.getElementById('state').textContent.includes('gone')")
        again = Server(onedge, folder, server.port)
        server.process = again.process
        browser.wait("document.getElementById('state').textContent === 'live'")
        browser.wait(f"{reached} > 0")
        first = browser.run(reached)
        browser.wait(f"{reached} > {first}")
        curve = browser.run("Array.from(document.querySelector('.plot').data[0].x)")
        assert all(one < other for one, other in zip(curve, curve[1:])), "steps in order, each once"
        # It is stopped from its page, as by Ctrl-C.
        browser.run("window.confirm = () => true; document.getElementById('stop').click()")
        process.wait()
        browser.wait("document.getElementById('status')?.textContent === 'interrupted'")
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, process.returncode
    assert list((Path(folder) / "runs" / "live" / "checkpoints").iterdir()), "a checkpoint to go on from"


def typed(browser, text):
    browser.run(f"{{ const filter = document.getElementById('filter'); filter.value = {json.dumps(text)}; filter.dispatchEvent(new Event('input')); }}")


def choose(browser, name, value):
    browser.run(f"{{ const one = document.getElementById({json.dumps(name)}); one.value = {json.dumps(value)}; one.dispatchEvent(new Event('change')); }}")


def press_button(browser, text):
    browser.run(f"[...document.querySelectorAll('button')].find(one => one.textContent === {json.dumps(text)}).click()")


def zoom(browser):
    """Over the first third or so of the first panel."""
    left, top, width, height = browser.run("(() => { const at = document.querySelector('.plot .nsewdrag').getBoundingClientRect(); return [at.left, at.top, at.width, at.height]; })()")
    end = (left + 0.4 * width, top + height / 2)
    browser.drag((left + 0.1 * width, top + height / 2), end)
    browser.drop(end)


def take(browser, server, folder):
    folder.mkdir(parents=True, exist_ok=True)
    pages = {"runs": "runs", "run": "run?run=cdat-0", "compare": "compare?run=cdat-0&run=greedy-0", "theory": "theory", "figures": "figures", "sweep": "sweep"}
    for width in (400, 1280):
        for look in ("light", "dark"):
            browser.look(width, 900, look == "dark")
            for name, page in pages.items():
                go(browser, server, page, {"runs": f"{LINES} > 3", "figures": "document.querySelector('.picture img')", "sweep": f"{DRAWN} >= 2"}.get(name, f"{DRAWN} >= 4"))
                time.sleep(1)
                browser.picture(folder / f"{name}-{width}-{look}.png")


if __name__ == "__main__":
    main()
