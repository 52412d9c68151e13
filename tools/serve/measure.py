#!/usr/bin/env python3
"""Measures `onedge serve` with a program that was built for release, in a headless Chromium where a browser is needed. `make_runs.py` makes the folders.

    python3 measure.py PROGRAM table FOLDER        a table of many runs: until it is usable, sorting, scrolling, a filter
    python3 measure.py PROGRAM curves FOLDER       a comparison of 20 long runs: until its first picture, a zoom, memory
    python3 measure.py PROGRAM viewers             a run that trains with 0, 1 and 50 pages that follow it
    python3 measure.py PROGRAM hostile [REQUESTS]  20,000 random and hostile requests: memory, and whether anything leaves the folder

A busy machine makes everything slower; the load is printed with the results.
"""

import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from browser import Browser

ROUNDS = 21
FRAME = "await new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)))"


class Server:
    def __init__(self, program, folder):
        self.process = subprocess.Popen([program, "serve", folder, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().split()[-1]
        self.port = int(self.address.rstrip("/").split(":")[-1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def memory(self):
        """MB in use now, and at most so far."""
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if ":" in line)
        return [int(lines[key].split()[0]) / 1000 for key in ("VmRSS", "VmHWM")]

    def seconds(self):
        """Of processor time."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def say(what, value):
    print(f"{what:46} {value}", flush=True)


def milliseconds(values):
    return f"{sorted(values)[len(values) // 2]:.0f} ms median, {max(values):.0f} ms at most, of {len(values)}"


def until(browser, address, script, seconds=600):
    browser.open("about:blank")
    browser.run("1")
    start = time.monotonic()
    browser.open(address)
    browser.wait(script, seconds=seconds)
    return time.monotonic() - start


def own(browser, script, times):
    """Milliseconds of processor time of the page for each of so many things that a script does."""
    before = browser.busy()
    clock = browser.run(script)
    return f"{milliseconds(clock)} by the clock; {1000 * (browser.busy() - before) / times:.0f} ms of the page's processor time each"


def tell_memory(browser):
    all_of = browser.processes().values()
    page = max((memory for memory, renders in all_of if renders), default=0)
    say("memory of the page's scripts, process, browser", f"{browser.memory() / 1e6:.0f} MB, {page / 1e6:.0f} MB, {sum(memory for memory, _ in all_of) / 1e6:.0f} MB")


def table(program, folder):
    with Server(program, folder) as server:
        browser = Browser()
        ready = "document.querySelectorAll('.grid .line').length > 5"
        say("usable, cold index", f"{until(browser, server.address, ready):.2f} s")
        before, spent = browser.busy(), server.seconds()
        clock = until(browser, server.address, ready)
        say("usable", f"{clock:.2f} s by the clock; processor time {browser.busy() - before:.2f} s of the page, {server.seconds() - spent:.2f} s of the server")
        sort = f"""(async () => {{ const taken = []; for (const key of ['final_loss', 'folder', 'cost', 'test.accuracy', 'started', 'final_loss', 'folder']) {{
            const start = performance.now(); [...document.querySelectorAll('.head button')].find(one => one.textContent.startsWith(key)).click(); {FRAME}; taken.push(performance.now() - start); }} return taken; }})()"""
        say("sort", own(browser, sort, 7))
        scroll = f"""(async () => {{ const taken = [], grid = document.querySelector('.grid'); for (let place = 0; place < 40; place += 1) {{
            const start = performance.now(); grid.scrollTop = (place * 7919 * 30) % 290000; {FRAME}; taken.push(performance.now() - start); }} return taken; }})()"""
        say("scroll", own(browser, scroll, 40))
        start = time.monotonic()
        browser.run("{ const filter = document.getElementById('filter'); filter.value = 'tuner=greedy and final_loss<0.1'; filter.dispatchEvent(new Event('input')); }")
        browser.wait("document.getElementById('count').textContent.includes(' of ')")
        say("filter", f"{time.monotonic() - start:.2f} s")
        tell_memory(browser)
        say("memory of the server, and its most", "{:.0f} MB, {:.0f} MB".format(*server.memory()))
        browser.close()


def curves(program, folder):
    runs = sorted(path.name for path in Path(folder).iterdir() if (path / "spec.toml").is_file())[:20]
    page = "#/compare?" + "&".join(f"run={run}" for run in runs)
    drawn = f"document.querySelector('.plot')?.data?.filter(trace => trace.x?.length > 100).length >= {len(runs)}"
    with Server(program, folder) as server:
        browser = Browser()
        say("first picture, of records not read yet", f"{until(browser, server.address + page, drawn):.2f} s")
        start = time.monotonic()
        whole = "(await (await fetch('/api/series?name=loss&pixels=300" + "".join(f"&run={run}" for run in runs) + "')).json()).runs.every(one => one.share === 1)"
        while not browser.run(f"(async () => {whole})()"):
            time.sleep(1)
        say("all records read after", f"{time.monotonic() - start:.0f} s")
        before, spent = browser.busy(), server.seconds()
        clock = until(browser, server.address + page, drawn)
        say("first picture, once they are read", f"{clock:.2f} s by the clock; processor time {browser.busy() - before:.2f} s of the page, {server.seconds() - spent:.2f} s of the server")
        spike = "document.querySelector('.plot').data.filter(trace => Math.max(...trace.y) === 50).length"
        say("runs whose one spike in a million is in sight", browser.run(spike))
        zoomed, before, spent = [], browser.busy(), server.seconds()
        for part in range(5):
            left, top, width, height = browser.run("(() => { const at = document.querySelector('.plot .nsewdrag').getBoundingClientRect(); return [at.left, at.top, at.width, at.height]; })()")
            browser.run("document.querySelector('.plot').data.forEach(({ x }) => { x.before = true; })")
            end = (left + 0.7 * width, top + height / 2)
            browser.drag((left + 0.2 * width, top + height / 2), end)
            start = time.monotonic()
            browser.drop(end)
            browser.wait("document.querySelector('.plot').data.every(({ x }) => !x.before)")
            zoomed.append(1000 * (time.monotonic() - start))
        each = [1000 * used / len(zoomed) for used in (browser.busy() - before, server.seconds() - spent)]
        say("zoom, until all curves are the window's", "{} by the clock; processor time {:.0f} ms of the page, {:.0f} ms of the server each".format(milliseconds(zoomed), *each))
        tell_memory(browser)
        say("memory of the server, and its most", "{:.0f} MB, {:.0f} MB".format(*server.memory()))
        browser.close()


class Viewer(threading.Thread):
    """A page that follows a run, as far as the server can tell."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.socket = socket.create_connection(("127.0.0.1", port))
        names = "&".join(f"name={name}" for name in ("loss", "learning_rate", "gradient_norm", "slope", "curvature", "sharpness"))
        self.socket.sendall(f"GET /api/live?run=live&{names}&after=0. HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        self.start()

    def run(self):
        while self.socket.recv(1 << 16):
            pass


def viewers(program):
    """Runs of the same steps, the one after the other; what matters is their own processor time, and the steps that a wall clock sees."""
    settings = ["data=digits", "data.first=512", "model.hidden=[32]", "steps=6000", "tuner=cdat", "engine.threads=1", "name=live"]
    words = [word for setting in settings for word in ("--set", setting)]
    counts = (0, 1, 50)
    taken = {count: [] for count in counts}
    for count in counts * ROUNDS:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "runs").mkdir()
            with Server(program, Path(folder) / "runs") as server:
                train = subprocess.Popen([program, "train", "--quiet", *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                while not (Path(folder) / "runs" / "live" / "steps.jsonl").exists():
                    time.sleep(0.01)
                following = [Viewer(server.port) for _ in range(count)]
                _, _, usage = os.wait4(train.pid, 0)
                wall = json.loads((Path(folder) / "runs" / "live" / "summary.json").read_text())["seconds"]
                taken[count].append((usage.ru_utime + usage.ru_stime, wall, server.seconds()))
                del following
    for count in counts:
        own, wall, server = (sorted(column)[ROUNDS // 2] for column in zip(*taken[count]))
        say(f"{count} viewers", f"{own:.2f} s of the run's own processor time, {wall:.2f} s by the clock, {server:.2f} s of the server's (medians of {ROUNDS})")
    for count in counts[1:]:
        for place, kind in enumerate(("processor time", "clock")):
            # In pairs, the one run just after the other.
            ratios = sorted(one[place] / none[place] for one, none in zip(taken[count], taken[0]))
            spread = (ratios[3 * ROUNDS // 4] - ratios[ROUNDS // 4]) / 1.35 / ROUNDS**0.5
            say(f"{count} viewers over none, by {kind}", f"{ratios[ROUNDS // 2]:.3f} +- {spread:.3f}")


def hostile(program, requests=20_000):
    draw = random.Random(7)
    pieces = [b"GET ", b"POST ", b"HEAD ", b"/", b"/api/run?run=", b"/api/series?run=a&name=", b"/api/live?run=a&name=loss", b"/api/sweep?sweep=", b"/api/figure?folder=", b"/api/stop", b"/api/note",
              b"/page/", b"..", b"../", b"%2e%2e%2f", b"..%5c", b"%00", b"\0", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b" HTTP/9.9\r\n", b"\r\n", b"\n", b"host: localhost\r\n", b"host: evil.example\r\n",
              b"content-length: 99999999999\r\n", b"content-length: -1\r\n", b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n", b"ffffffffffffffffff\r\n", b"5\r\nabcde\r\n", b"x-onedge-token: 0\r\n",
              b"origin: null\r\n", b"&from=1e999&to=-inf", b"&pixels=1e300", b"?where=((((((((((", b"&name=loss" * 300, b"?columns=" + b"a," * 200, b"%", b"\xf0\x9f", b"secret.toml", b"/etc/passwd",
              b"link/secret.toml", b"last-event-id: 1.2,3,,\r\n", b"expect: 100-continue\r\n", b"connection: upgrade\r\n", b"a" * 70000, b"{\"run\":\"../elsewhere\"}", b"x: " + b"y" * 9000 + b"\r\n"]
    beginnings = [b"", b"GET /api/run?run=", b"GET /api/series?run=a&name=loss", b"POST /api/tag HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n", b"GET /"]
    ending = b" HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    with tempfile.TemporaryDirectory() as outside:
        root = Path(outside) / "runs"
        for name in ("a", "b"):
            (root / name).mkdir(parents=True)
            (root / name / "spec.toml").write_text("seed = 1\n")
            (root / name / "steps.jsonl").write_text("".join(f'{{"step":{step},"loss":1.5,"learning_rate":0.1,"cost":{step}.0,"seconds":{step}.0}}\n' for step in range(5000)))
        (Path(outside) / "secret.toml").write_text("SECRET")
        (root / "link").symlink_to(outside)
        (root / "b" / "tags").symlink_to("../../secret.toml")
        with Server(program, root) as server:
            kept, memory, leaks, answered = [], [], 0, 0
            for number in range(requests):
                data = draw.choice(beginnings) + b"".join(draw.choice(pieces) for _ in range(draw.randrange(10))) + (ending if draw.random() < 0.5 else b"")
                connection = socket.create_connection(("127.0.0.1", server.port))
                connection.settimeout(0.5)
                try:
                    connection.sendall(data)
                    if draw.random() < 0.05:
                        # Half open: it says no more, and is not closed for a while.
                        kept.append(connection)
                        if len(kept) > 100:
                            kept.pop(0).close()
                        continue
                    connection.shutdown(socket.SHUT_WR)
                    answer = connection.recv(1 << 20)
                    answered += bool(answer)
                    leaks += b"SECRET" in answer or b"root:x:" in answer
                except OSError:
                    pass
                connection.close()
                if number % 1000 == 999:
                    memory.append(server.memory()[0])
                if server.process.poll() is not None:
                    sys.exit(f"the server ended at request {number}: {data!r}")
            say("requests, and how many were answered", f"{requests}, {answered}")
            say("answers with something of outside the folder", leaks)
            say("memory after each thousand", " ".join(f"{value:.0f}" for value in memory) + " MB")
            for connection in kept:
                connection.close()
            browser = socket.create_connection(("127.0.0.1", server.port))
            browser.sendall(b"GET /api/series?run=a&name=loss HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: browser.recv(1 << 16), b""))
            say("afterwards it answers", answer.split(b"\r\n")[0].decode())
            server.process.kill()
            panics = [line for line in server.process.stderr.read().splitlines() if "panicked" in line]
            say("panics", panics or "none")


if __name__ == "__main__":
    kinds = {"table": table, "curves": curves, "viewers": viewers, "hostile": lambda program, count="20000": hostile(program, int(count))}
    if len(sys.argv) < 3 or sys.argv[2] not in kinds:
        sys.exit(__doc__)
    say("machine", f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    kinds[sys.argv[2]](*sys.argv[1:2], *sys.argv[3:])
    say("", f"load {os.getloadavg()[0]:.1f} after")
