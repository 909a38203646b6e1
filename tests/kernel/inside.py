# SPDX-License-Identifier: MIT
"""What a machine of the lab does: uses kymo as it is installed on programs whose truth is known.

Prints one JSON object per line: {"ability", "state": works | part | absent | broken, "detail"}; what
kymo says of the machine as {"doctor": ...}.
Counts, sums and names are judged, times are not: this processor is emulated.
"""
import json
import math
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

MNT = pathlib.Path("/mnt")
PROGRAMS = MNT / "programs"
LIMIT_SECONDS = 600  # of one command: others may use this machine, too
WATCHDOG_SECONDS = 8
Z = 3.891  # 99.99 % of a normal distribution
OUT = pathlib.Path("/tmp/out")


class Broken(Exception):
    """What kymo says is not what happened."""


class Absent(Exception):
    """kymo says that it cannot do that here, and why."""


def tell(**words):
    print(json.dumps(words), flush=True)


def last_words(done):
    """What kymo said of its end: the sentence before the hint."""
    lines = [line for line in done.stderr.strip().splitlines() if not line.startswith(("hint:", "usage:"))]
    return (lines or ["nothing"])[-1].removeprefix("kymo: ")


def kymo(*words, who=(), ok=(0,)):
    done = subprocess.run([*who, "kymo", *map(str, words)], capture_output=True, text=True,
                          errors="replace", timeout=LIMIT_SECONDS)
    if done.returncode < 0 or done.returncode >= 128:
        raise Broken(f"ended with {done.returncode}: {last_words(done)}")
    if done.returncode not in ok:
        raise Absent(last_words(done))
    return done


def profile(*words):
    OUT.unlink(missing_ok=True)
    done = kymo("profile", "-f", "json", "-o", OUT, *words)
    records = [json.loads(line) for line in OUT.read_text().splitlines()]
    return records[:-1], records[-1], done


def functions(record):
    return [frame["function"] for frame in record["user"]]


def check_split(*how):
    samples, summary, done = profile(*how, "--", PROGRAMS / "split", "8")
    truth = json.loads(done.stdout)
    units = truth["seventy"] + truth["twenty"] + truth["ten"]
    hits = {part: sum(part in functions(s) for s in samples) for part in ("seventy", "twenty", "ten")}
    total = sum(hits.values())
    if total < 300 or total < 0.8 * len(samples):
        raise Broken(f"only {total} of {len(samples)} samples were named")
    for part, count in hits.items():
        share = truth[part] / units
        if abs(count / total - share) > Z * math.sqrt(share * (1 - share) / total) + 0.5 / total:
            raise Broken(f"{count} of {total} samples in {part}, true {share:.3f}")
    return summary["coverage"]["mode"], f"{total} samples"


def check_stacks(way):
    """python3 has no frame pointers: only unwinding finds its root."""
    code = "import re\nfor i in range(2000): re.compile('a%d(b|c)*' % i)"
    samples, summary, _ = profile("--unwind", way, "-F", "99", "--", "python3", "-c", code)
    quality = summary.get("stack_quality")
    if not quality or quality["user_stacks"] < 20:
        raise Broken(f"{len(samples)} samples, quality {quality}")
    # Until kymo has read the tables a copy of the stack must do, and emulation makes that take seconds; what was
    # not known in time is a matter of time, too.
    late = quality["reasons"].get("mappings not known in time", 0)
    judged = quality["user_stacks"] - late
    if judged < 20 or quality["complete"] < 0.95 * judged:
        raise Broken(f"{quality['complete']} of {quality['user_stacks']} whole: {quality['reasons']}")
    return "", f"{quality['complete']} of {quality['user_stacks']} whole" + (f", {late} too early" if late else "")


def check_waits():
    samples, summary, _ = profile("--off-cpu", "--min-block", "0", "--", "sleep", "0.3")
    slept = [s for s in samples if s["comm"] == "sleep" and s["weight_ns"] >= 300_000_000]
    if len(slept) != 1:
        raise Broken(f"{len(slept)} waits of 0.3 s among {len(samples)}")
    whole = summary["stack_quality"]
    if whole["complete"] < whole["user_stacks"]:
        return "part", f"{whole['complete']} of {whole['user_stacks']} stacks whole: {whole['reasons']}"
    return "", ""


def check_wall():
    _, summary, _ = profile("--wall", "--", "sleep", "0.3")
    if summary["weight_ns"] < 300_000_000:
        raise Broken(f"{summary['weight_ns']} ns of a life of 0.3 s")
    return "", ""


def watch_while(act, *words):
    """The records of `kymo watch` while act() happens, again and again until one matches."""
    lines = OUT.open("w+")
    process = subprocess.Popen(["kymo", "watch", "--json", *words], stdout=lines,
                               stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + LIMIT_SECONDS / 2
        while time.monotonic() < end and process.poll() is None:
            found = act()
            time.sleep(0.3)
            records = [json.loads(line) for line in OUT.read_text().splitlines() if line.endswith("}")]
            if any(found(record) for record in records):
                return records
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    if process.returncode not in (0, 130):
        raise Absent(last_words(subprocess.CompletedProcess([], 1, "", said)))
    raise Broken(f"not seen; it said: {said.strip()[-200:]}")


def check_file():
    def act():
        path = f"/tmp/seen-{time.monotonic_ns()}"
        pathlib.Path(path).touch()
        return lambda record: path in json.dumps(record)
    watch_while(act, "file")
    return "", ""


def check_container():
    def act():
        path = pathlib.Path(f"/sys/fs/cgroup/lab{time.monotonic_ns()}")
        path.mkdir()
        path.rmdir()
        return lambda record: path.name in json.dumps(record)
    watch_while(act, "container")
    return "", ""


def check_dns():
    name = b"\3lab\7example\0"
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def act():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        query = os.urandom(2) + b"\1\0\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1"
        client.sendto(query, ("127.0.0.1", 53))
        question, asker = server.recvfrom(512)
        server.sendto(question[:2] + b"\x81\x80" + question[4:], asker)
        client.recvfrom(512)
        return lambda record: "lab.example" in json.dumps(record)
    watch_while(act, "dns")
    return "", ""


def counted(collector, act, word):
    def again():
        act()
        return lambda record: word in json.dumps(record)
    watch_while(again, collector, "-i", "0.5")
    return "", ""


def check_runq():
    return counted("runq", lambda: subprocess.run(["/bin/true"]), '"runq')


def check_syscall():
    return counted("syscall", lambda: [os.getppid() for _ in range(1000)], "getppid")


def check_selftest():
    done = kymo("selftest", "--json", ok=(0, 1))
    found = json.loads(done.stdout)
    for kind in found["kinds"]:
        name = f"watch {kind['collector']}"
        words = f"{kind['seen']} of {kind['happened']} seen, {kind['lost']} lost, {kind['wrong']} wrong"
        reason = kind.get("reason") or ""
        state = "works" if kind["passed"] else "part" if kind["recall_ratio"] == 1 else \
            "absent" if reason and kind["seen"] == 0 else "broken"
        tell(ability=f"{name} {kind['event']}", state=state, detail=f"{words} {reason}".strip())
    return "works" if done.returncode == 0 else "part", "; ".join(map(str, found["not_measured"]))


def check_run(*words):
    OUT.unlink(missing_ok=True)
    kymo("run", f"--json={OUT}", *words, "--", "sh", "-c", "sleep 0.3; /bin/true; true")
    found = json.loads(OUT.read_text())
    mode = found["coverage"]["mode"]
    names = sorted(p["argv"][0] for p in found["processes"])
    if names != ["/bin/true", "sh", "sleep"]:
        raise Broken(f"processes {names}")
    if found.get("checks", {}).get("residual_ns", 0) != 0 or found["balance"]["residual_ns"] != 0:
        raise Broken("the balance has a residual")
    if mode == "bpf" and not 0.29e9 < found["balance"]["blocked_ns"].get("sleep", 0) < 3e9:
        raise Broken(f"blocked {found['balance']['blocked_ns']}")
    missing = "; ".join(found["coverage"]["not_measured"])
    return "" if mode == "bpf" else "part", f"{mode}{': ' if missing else ''}{missing}"


def check_run_disk():
    """4 MiB that go to a device at once, and come back from it."""
    OUT.unlink(missing_ok=True)
    path = "/root/disk-of-run"
    kymo("run", f"--json={OUT}", "--", "sh", "-c",
         f"dd if=/dev/zero of={path} bs=64k count=64 oflag=direct; dd if={path} of=/dev/null bs=64k iflag=direct")
    os.unlink(path)
    found = json.loads(OUT.read_text())
    if "block" not in found:
        raise Absent("; ".join(found["coverage"]["not_measured"]))
    devices = found["block"]["devices"]
    sums = {key: sum(d[key] for d in devices) for key in ("reads", "writes", "read_bytes", "written_bytes")}
    if sums["read_bytes"] < 4 << 20 or sums["written_bytes"] < 4 << 20:
        raise Broken(str(sums))
    if not all(0 < d["max_ns"] <= d["total_ns"] for d in devices):
        raise Broken(str(devices))
    return "", str(sums)


def check_run_syscalls():
    OUT.unlink(missing_ok=True)
    kymo("run", f"--json={OUT}", "--syscalls=latency", "--", "python3", "-c",
         "import os\nfor i in range(1000): os.getppid()")
    text = OUT.read_text()
    if "getppid" not in text:
        raise Broken("getppid is not among the system calls")
    return "", ""


def check_latency():
    """Each call of one function, from the first to the last of a process that starts later."""
    process = subprocess.Popen(["kymo", "latency", "--json", "--max-cost", "0", f"{PROGRAMS / 'split'}:seventy"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = ""
    try:
        for line in process.stderr:
            said += line
            if line.startswith("kymo: timing "):
                break
        else:
            raise Absent(last_words(subprocess.CompletedProcess([], 1, "", said)))
        truth = json.loads(subprocess.run([PROGRAMS / "split", "1"], check=True, capture_output=True, text=True,
                                          timeout=LIMIT_SECONDS).stdout)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=LIMIT_SECONDS)
    finally:
        process.kill()
    final = json.loads(out.splitlines()[-1])
    if final["count"] != truth["seventy"]:
        raise Broken(f"{final['count']} of {truth['seventy']} calls")
    return "", f"{final['count']} calls"


def answer(path):
    with urllib.request.urlopen(f"http://127.0.0.1:8080{path}", timeout=60) as found:
        return json.load(found)


def eventually(find, what, process=None):
    """What find() finds at last, while a daemon runs."""
    end = time.monotonic() + LIMIT_SECONDS / 3
    while time.monotonic() < end and (not process or process.poll() is None):
        try:
            found = find()
            if found:
                return found
        except OSError:
            pass
        time.sleep(0.5)
    if process and process.poll() is not None:
        raise Absent((process.stdout.read().strip().splitlines() or ["nothing"])[-1])
    raise Broken(f"no {what}")


def settled(status):
    """The collectors that are to be on, once it is known of each whether it is."""
    wanted = [row for row in status["collectors"] if row["wanted"]]
    return all(row["state"] != "off" for row in wanted) and wanted


def without(off):
    return "; ".join(f"{name} ({reason})" for name, reason in off.items())


def serve_pages():
    """A server that answers /page/N, and nothing else."""
    import http.server
    import threading

    class Pages(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            found = self.path.startswith("/page/")
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def ask_for_pages(port):
    import http.client
    for number in range(4):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for page in range(25):
            connection.request("GET", f"/page/{number * 25 + page}" if page % 5 else "/missing")
            connection.getresponse().read()
        connection.close()


def check_latency_http():
    """100 requests on four connections."""
    port = serve_pages()
    process = subprocess.Popen(["kymo", "latency", "--http", "--json", "--port", str(port)], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = ""
    for line in process.stderr:
        said += line
        if line.startswith("kymo: timing requests"):
            ask_for_pages(port)
            process.send_signal(signal.SIGINT)
            break
    out, more = process.communicate(timeout=LIMIT_SECONDS)
    if process.returncode not in (0, 130):
        raise Absent(last_words(subprocess.CompletedProcess([], 1, "", said + more)))
    finals = {one["route"]: one for one in map(json.loads, out.splitlines()) if one["final"]}
    seen = {route: (one["count"], {kind: n for kind, n in one["statuses"].items() if n}, one["service"]["count"])
            for route, one in finals.items()}
    final = next(iter(finals.values()), {"lost": [], "not_measured": []})
    lost = {one["kind"]: one["count"] for one in final["lost"]}
    if seen == {"GET /page/{number}": (80, {"2xx": 80}, 80), "GET /missing": (20, {"4xx": 20}, 20)}:
        mode = final.get("mode")
        cpu = [one for one in final["not_measured"] if one.startswith("CPU time")]
        return "part" if cpu else "", "; ".join(word for word in (mode, *cpu) if word)
    if sum(count for count, _, _ in seen.values()) + sum(lost.values()) >= 100 and lost:
        return "part", f"{seen}, lost: {lost}"
    raise Broken(f"{seen} of 80 and 20, lost: {lost}")


def check_serve():
    """The end of a process, and the functions in which it was."""
    process = subprocess.Popen(["kymo", "serve"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, env={**os.environ, "HOME": "/tmp"})
    try:
        eventually(lambda: answer("/healthz"), "answer", process)
        wanted = eventually(lambda: settled(answer("/api/v1/status")), "state of each collector", process)
        off = {row["name"]: row.get("why") for row in wanted if row["state"] != "on"}
        with subprocess.Popen([PROGRAMS / "split", "8"], stdout=subprocess.PIPE, text=True) as program:
            truth = json.loads(program.stdout.read())
        if "process" not in off:
            row, = eventually(lambda: [row for row in answer(f"/api/v1/processes?pid={program.pid}")["data"]
                                       if row["is_over"]], "end of a process", process)
            if row["exit_code"] != 0 or row["argv"][1:] != ["8"]:
                raise Broken(str(row))
            # Beside what the program saw of itself there are its loading and its end.
            if not 0 <= row["cpu_ns"] * 1e-9 - truth["cpu_seconds"] < 1:
                raise Broken(f"{row['cpu_ns']} ns, by the program {truth['cpu_seconds']} s")
        if "profile" not in off:
            rows = eventually(lambda: answer(f"/api/v1/functions?pid={program.pid}")["data"], "functions", process)
            if "seventy" not in {row["function"] for row in rows}:
                raise Broken(f"functions {[row['function'] for row in rows]}")
    finally:
        process.terminate()
        process.communicate(timeout=LIMIT_SECONDS)
    if process.returncode != 0:
        raise Broken(f"ended with {process.returncode}")
    return ("part", f"without {without(off)}") if off else ("", "a process and its functions")


def profile_as_nobody():
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "kymo", "profile",
                           "-f", "folded", "--", PROGRAMS / "split", "1"], capture_output=True, text=True,
                          timeout=LIMIT_SECONDS, cwd="/tmp")
    if done.returncode != 0:
        raise Absent(last_words(done))
    if "seventy" not in done.stdout:
        raise Broken("no function was named")


def check_ordinary_user():
    """Debian forbids it by a setting: then with the setting that kymo names."""
    setting = pathlib.Path("/proc/sys/kernel/perf_event_paranoid")
    before = setting.read_text()
    try:
        profile_as_nobody()
    except Absent as error:
        setting.write_text("2")
        try:
            profile_as_nobody()
        finally:
            setting.write_text(before)
        return "part", f"with kernel.perf_event_paranoid at 2; as Debian sets it: {error}"
    return "", ""


def check_package():
    """Installed by the first process of this machine; now a newer one over it, and then nothing is left."""
    def run(*words):
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    if "kymo" not in run("getent", "passwd", "kymo"):
        raise Broken("there is no user kymo")
    run("dpkg-deb", "-R", str(MNT / "kymo.deb"), "/tmp/newer")
    control = pathlib.Path("/tmp/newer/DEBIAN/control")
    control.write_text(control.read_text().replace("Version: ", "Version: 99:", 1))
    run("dpkg-deb", "-Znone", "-b", "/tmp/newer", "/tmp/newer.deb")
    kept = pathlib.Path("/var/lib/kymo/kept")
    kept.parent.mkdir(exist_ok=True)
    kept.touch()
    run("dpkg", "-i", "/tmp/newer.deb")
    if not run("dpkg-query", "-W", "-f", "${Version}", "kymo").startswith("99:") or not kept.exists():
        raise Broken("the upgrade did not keep what was recorded")
    run("dpkg", "-P", "kymo")
    left = run("find", "/usr", "/etc", "/var", "/lib/systemd", "-name", "*kymo*").split()
    if left or subprocess.run(["getent", "passwd", "kymo"], capture_output=True).returncode == 0:
        raise Broken(f"left after purging: {left or 'the user'}")
    return "", "installed, upgraded, purged"


def shown(*properties):
    """Of the unit, as systemd tells it."""
    out = systemctl("show", "kymo", *(f"--property={name}" for name in properties))
    return dict(line.split("=", 1) for line in out.splitlines())


def systemctl(*words):
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, timeout=LIMIT_SECONDS)
    if done.returncode != 0:
        log = subprocess.run(["journalctl", "-q", "-n", "20", "-u", "kymo"], capture_output=True, text=True).stdout
        raise Broken(f"systemctl {' '.join(words)}: {done.stderr.strip()} {log}")
    return done.stdout


def check_unit():
    """Started, asked, reloaded, kept alive by its watchdog, stopped, and purged, with systemd as the first process."""
    subprocess.run(["dpkg", "-i", MNT / "kymo.deb"], check=True, capture_output=True)
    more = pathlib.Path("/run/systemd/system/kymo.service.d/lab.conf")
    more.parent.mkdir(parents=True)
    more.write_text(f"[Service]\nWatchdogSec={WATCHDOG_SECONDS}\n")
    systemctl("daemon-reload")
    systemctl("start", "kymo")  # which waits for its word that it is ready
    began = shown("MainPID")["MainPID"]
    status = dict(line.split(":\t", 1) for line in
                  pathlib.Path(f"/proc/{began}/status").read_text().splitlines() if ":\t" in line)
    paranoid = int(pathlib.Path("/proc/sys/kernel/perf_event_paranoid").read_text())
    if "0" in status["Uid"].split() or int(status["CapEff"], 16).bit_count() not in ((7,) if paranoid > 2 else (6, 7)):
        raise Broken(f"uids {status['Uid']}, capabilities {status['CapEff']}")
    wanted = eventually(lambda: settled(answer("/api/v1/status")), "state of each collector")
    off = {row["name"]: row.get("why") for row in wanted if row["state"] != "on"}
    systemctl("reload", "kymo")
    time.sleep(2 * WATCHDOG_SECONDS)
    found = shown("MainPID", "ActiveState", "NRestarts")
    if found != {"MainPID": began, "ActiveState": "active", "NRestarts": "0"}:
        raise Broken(f"after two watchdogs' time: {found}")
    answer("/healthz")
    systemctl("stop", "kymo")
    found = shown("Result", "ExecMainStatus")
    if found != {"Result": "success", "ExecMainStatus": "0"}:
        raise Broken(f"its end: {found}")
    systemctl("start", "kymo")
    subprocess.run(["dpkg", "-P", "kymo"], check=True, capture_output=True)
    if pathlib.Path(f"/proc/{began}").exists() or subprocess.run(["pgrep", "-x", "kymo"], capture_output=True).returncode == 0:
        raise Broken("it runs on after purging")
    return ("part", f"without {without(off)}") if off else ("", "started, reloaded, stopped, purged")


def check_tarball():
    """Unpacked anywhere, it needs nothing of what is here."""
    import tarfile
    with tarfile.open(MNT / "kymo.tar.xz") as archive:
        archive.extractall("/opt")
    folder, = pathlib.Path("/opt").glob("kymo-*")
    before = subprocess.run(["kymo", "--version"], capture_output=True, text=True).stdout
    words = [folder / "bin/kymo", "profile", "--timer", "clock", "-f", "folded", "--", PROGRAMS / "split", "2"]
    if subprocess.run([words[0], "--version"], capture_output=True, text=True).stdout != before:
        raise Broken("another version than the package's")
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    if done.returncode != 0:
        raise Broken(last_words(done))
    if "seventy" not in done.stdout:
        raise Broken("no function was named")
    return "", ""


def check_verifier():
    """What the verifier looks at for each program; whether that has grown is judged outside."""
    import verifier
    found = verifier.measured_in_lab(lambda text: None)
    programs = sum(map(len, found.values()))
    if not programs:
        raise Absent("this kernel does not tell how many instructions it verified, or loads no program")
    tell(verifier=found)
    return "", f"{programs} programs, at most {max(max(one.values()) for one in found.values() if one)} instructions"


CHECKS = [
    ("profile in the tick", lambda: check_split("--timer", "tick", "-F", "250")),
    ("profile by the CPU clock", lambda: check_split("--timer", "clock", "-F", "999")),
    ("profile as an ordinary user", check_ordinary_user),
    ("whole stacks, in the interrupt", lambda: check_stacks("interrupt")),
    ("whole stacks, deferred", lambda: check_stacks("deferred")),
    ("waits (--off-cpu)", check_waits),
    ("wall-clock time (--wall)", check_wall),
    ("selftest", check_selftest),
    ("watch file", check_file),
    ("watch container", check_container),
    ("watch dns", check_dns),
    ("watch runq", check_runq),
    ("watch syscall", check_syscall),
    ("run", check_run),
    ("run, disks", check_run_disk),
    ("run --syscalls", check_run_syscalls),
    ("run --files", lambda: check_run("--files")),
    ("run, ptrace rung", lambda: check_run("--rung", "ptrace")),
    ("latency", check_latency),
    ("latency --http", check_latency_http),
    ("serve", check_serve),
    ("verifier budget", check_verifier),
    ("tarball", check_tarball),
    ("package", check_package),  # the last: it is gone then
]
CHECKS_UNDER_SYSTEMD = [("unit of systemd", check_unit)]


def ask_doctor(condition):
    if condition == "nobtf":
        subprocess.run(["mount", "--bind", "/dev/null", "/sys/kernel/btf/vmlinux"], check=True)
    try:
        tell(doctor=json.loads(kymo("doctor", "--json").stdout))
    except (Absent, Broken, ValueError, subprocess.TimeoutExpired) as error:
        tell(ability="doctor", state="broken", detail=str(error))


def make(checks, only):
    for name, check in checks:
        if only and only not in name:
            continue
        began = time.monotonic()
        try:
            how, detail = check()
            tell(ability=name, state="part" if how == "part" else "works",
                 detail=": ".join(word for word in (how if how not in ("part", "works") else "", detail) if word))
        except Absent as error:
            tell(ability=name, state="absent" if str(error) != "nothing" else "broken", detail=str(error))
        except Broken as error:
            tell(ability=name, state="broken", detail=str(error))
        except Exception as error:  # whatever it is, the other checks go on
            tell(ability=name, state="broken", detail=f"{type(error).__name__}: {error}")
        tell(took=name, seconds=time.monotonic() - began)


ONLY, CONDITION = json.loads(sys.argv[1])
if sys.argv[2:] == ["systemd"]:
    make(CHECKS_UNDER_SYSTEMD, ONLY)
else:
    ask_doctor(CONDITION)
    make(CHECKS, ONLY)
