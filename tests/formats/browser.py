# SPDX-License-Identifier: MIT
"""Chromium without a window, driven by its DevTools protocol over two pipes."""
import base64
import itertools
import json
import os
import select
import subprocess
import time

# file:// and data: only: a name that a page asks for never leaves the machine.
WORDS = ["--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run",
         "--disable-dev-shm-usage", "--allow-file-access-from-files", "--hide-scrollbars",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking"]
SECONDS = 60  # for what takes less than one where nothing else runs


class Browser:
    def __init__(self, program, folder):
        self.numbers = itertools.count(1)
        self.waiting = b""
        self.pages = {}
        to_child, self.to = os.pipe()
        self.back, from_child = os.pipe()
        words = [*WORDS, f"--user-data-dir={folder}", "about:blank"]
        if os.geteuid() == 0:
            words.insert(0, "--no-sandbox")
        # The protocol is spoken on descriptors 3 and 4.
        self.log = open(folder / "log", "wb")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{to_child} 4>&{from_child}', "bash", program, *words],
            pass_fds=(to_child, from_child), stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, env={**os.environ, "HOME": str(folder)}, start_new_session=True)
        os.close(to_child)
        os.close(from_child)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.call("Browser.close")
        self.process.wait(SECONDS)
        os.close(self.to)
        os.close(self.back)
        self.log.close()

    def send(self, method, params, session):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        return number

    def receive(self):
        """The next message."""
        while b"\0" not in self.waiting:
            if not select.select([self.back], [], [], SECONDS)[0]:
                raise TimeoutError("chromium does not answer")
            data = os.read(self.back, 1 << 20)
            if not data:
                raise EOFError("chromium has ended")
            self.waiting += data
        message, self.waiting = self.waiting.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **params):
        number = self.send(method, params, session)
        while True:
            message = self.receive()
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            page = self.pages.get(message.get("sessionId"))
            if page:
                page.note(message["method"], message["params"])

    def open_page(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.pages[session] = Page(self, target, session)
        return self.pages[session]


class Page:
    """One tab. errors: what scripts threw or the console showed as an error."""

    def __init__(self, browser, target, session):
        self.browser, self.target, self.session = browser, target, session
        self.errors, self.requests, self.loaded = [], [], False
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)

    def note(self, method, params):
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.errors.append(" ".join(str(arg.get("value")) for arg in params["args"]))
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Page.javascriptDialogOpening":
            self.errors.append(f"dialog: {params['message']}")
            self.browser.send("Page.handleJavaScriptDialog", {"accept": True}, self.session)
        elif method == "Page.loadEventFired":
            self.loaded = True

    def run(self, script):
        """The value of an expression, or of the promise that it is."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                         awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, script):
        """Until an expression is true; its value."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            value = self.run(script)
            if value:
                return value
            time.sleep(0.02)
        raise TimeoutError(f"not within {SECONDS} s: {script}; errors: {self.errors}")

    def go(self, url):
        self.loaded = False
        self.call("Page.navigate", url=url)
        until = time.monotonic() + SECONDS
        while not self.loaded:
            assert time.monotonic() < until, f"{url} does not load"
            self.call("Runtime.evaluate", expression="1")

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)

    def prefer(self, scheme):
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])

    def mouse(self, kind, x, y):
        clicks = {"button": "left", "clickCount": 1} if kind != "mouseMoved" else {}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **clicks)

    def click(self, x, y):
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.mouse(kind, x, y)

    def key(self, name):
        """One press: a character, or a key's name as `event.key` says it."""
        codes = {"Escape": 27, "Enter": 13, "Backspace": 8, "Tab": 9, "ArrowLeft": 37,
                 "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        more = {"text": name} if len(name) == 1 else {"windowsVirtualKeyCode": codes[name]}
        if name == "Enter":
            more["text"] = "\r"
        self.call("Input.dispatchKeyEvent", type="keyDown", key=name, **more)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=name,
                  **{word: value for word, value in more.items() if word != "text"})

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))
