"""A headless Chromium, driven over a pipe by the DevTools protocol: no driver and no package beside the browser is needed."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time


def installed():
    """Where the browser is, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """A browser with one page. Every address that the page asks for is in `requests`, everything that went wrong in it in `errors`."""

    def __init__(self, width=1280, height=900, dark=False):
        self.folder = tempfile.mkdtemp(prefix="onedge-browser-")
        (to_read, self.write), (self.read, to_write) = os.pipe(), os.pipe()

        def pipes():
            # The protocol is spoken over the descriptors 3 and 4.
            low, high = os.dup(to_read), os.dup(to_write)
            os.dup2(low, 3)
            os.dup2(high, 4)

        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe", "--hide-scrollbars",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync", f"--user-data-dir={self.folder}"]
        self.process = subprocess.Popen([installed(), *flags], preexec_fn=pipes, close_fds=False, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.rest, self.number, self.session = b"", 0, None
        self.requests, self.errors = [], []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.look(width, height, dark)

    def look(self, width, height, dark):
        """Another size of the window, another wish of the system."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.send("Emulation.setEmulatedMedia", features=features)

    def send(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.write, data):]
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.heed(answer)

    def receive(self):
        while b"\0" not in self.rest:
            part = os.read(self.read, 1 << 20)
            if not part:
                raise RuntimeError("the browser ended")
            self.rest += part
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def heed(self, event):
        parameters = event.get("params", {})
        if event.get("method") == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif event.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")

    def open(self, address):
        self.send("Page.navigate", url=address)

    def run(self, script):
        """The value of an expression in the page, which may be a promise."""
        result = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", "a script failed"))
        return result["result"].get("value")

    def wait(self, script, what=None, seconds=60):
        """Until an expression is true; returns its value. The time is a bound for what never comes, not something that is measured."""
        end = time.monotonic() + seconds
        while True:
            try:
                value = self.run(script)
            except RuntimeError:
                # The page is being made.
                value = None
            if value or value == {}:
                return value
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain for {what or script}; the page says: {self.run('document.body?.innerText ?? String()')[:800]}; errors: {self.errors}")
            time.sleep(0.03)

    def press(self, key, code=0, text=""):
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, text=text if kind == "keyDown" else "")

    def drag(self, start, end):
        """With the left button, which is still down afterwards."""
        for kind, place in (("mouseMoved", start), ("mousePressed", start), ("mouseMoved", end)):
            self.mouse(kind, place)

    def drop(self, end):
        """Releases the button."""
        self.mouse("mouseReleased", end)

    def mouse(self, kind, place):
        self.send("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", buttons=1, clickCount=1)

    def picture(self, path, whole=False):
        data = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def memory(self):
        """Bytes that scripts hold."""
        return self.send("Runtime.getHeapUsage")["usedSize"]

    def processes(self):
        """Bytes of memory that each process of the browser has, what several share divided among them; the page's own is the largest that is a renderer's."""
        parents, found = {}, {}
        for folder in os.listdir("/proc"):
            if folder.isdigit():
                try:
                    with open(f"/proc/{folder}/stat") as file:
                        parents[int(folder)] = int(file.read().rpartition(")")[2].split()[1])
                except OSError:
                    pass
        for pid in parents:
            above = pid
            while above in parents and above != self.process.pid:
                above = parents[above]
            if above == self.process.pid:
                try:
                    with open(f"/proc/{pid}/smaps_rollup") as file:
                        memory = next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
                    with open(f"/proc/{pid}/cmdline") as file:
                        found[pid] = (memory, "--type=renderer" in file.read())
                except (OSError, StopIteration):
                    pass
        return found

    def busy(self):
        """Seconds of processor time that the page has taken so far, however many others share the machine."""
        self.send("Performance.enable", timeDomain="threadTicks")
        metrics = self.send("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.write)
        os.close(self.read)
        shutil.rmtree(self.folder, ignore_errors=True)
