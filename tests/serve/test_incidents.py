# SPDX-License-Identifier: MIT
"""Triggers and incidents: a busy process, a command that ends badly; what is recorded of them, kept, and cut."""
import json
import os
import pathlib
import signal
import subprocess
import uuid

import pytest

from serving import KYMO, Serving, curl, until
from spiking import SETTINGS, over, program, spiked

@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    folder = tmp_path_factory.mktemp("incidents")
    program(folder, "kymo-fails", "int main(void) { return 3; }")
    program(folder, "kymo-dies", "#include <unistd.h>\nint main(void) { pause(); }")
    with Serving(folder, **SETTINGS) as serving:
        yield serving


@pytest.fixture(scope="module")
def spike(serve):
    """The incident of a process that is the busiest, once its profile is there."""
    return spiked(serve)


@pytest.fixture(scope="module")
def failed(serve):
    with subprocess.Popen([serve.folder / "kymo-fails"]) as process:
        process.wait()
    return over(serve, f"trigger=exit&pid={process.pid}")


def test_a_busy_process_is_profiled(serve, spike):
    assert spike["comm"] == "kymo-spike" and spike["unit"] == "%" and spike["threshold"] == 20
    assert spike["value"] >= 20 and spike["peak"] >= spike["value"] and spike["held_ns"] == 2_000_000_000
    assert spike["what"].startswith(f"process {spike['pid']} 'kymo-spike' used {spike['value']} % of a CPU")
    assert int(spike["at_unix_ns"]) - int(spike["from_unix_ns"]) == 60_000_000_000
    assert int(spike["at_unix_ns"]) < int(spike["ended_unix_ns"])
    assert spike["samples"] > 0 and spike["rate_hz"] == 99 and not spike["why"]


def test_its_profile_is_kept_in_every_format(serve, spike):
    path = f"/api/v1/profiles?incident={spike['seq']}"
    tree = serve.get(path)
    assert tree["samples"] == spike["samples"] and tree["rate_hz"] == 99 and tree["kind"] == "cpu"
    assert tree["lost"] == spike["lost"]
    folded = serve.text(path + "&format=folded").splitlines()
    assert sum(int(line.rsplit(" ", 1)[1]) for line in folded) == spike["samples"]
    assert any("kymo_spikes_here" in line for line in folded), folded
    # It is of that process alone, and its session is no more in memory.
    assert serve.get(f"{path}&pid={spike['pid']}")["samples"] == spike["samples"]
    assert serve.status(f"/api/v1/sessions/{spike['session']}") == 404
    for form in "svg", "pprof", "speedscope", "firefox", "tree":
        assert serve.status(f"{path}&format={form}") == 200
    assert serve.status("/api/v1/profiles?incident=1") == 404
    assert serve.status("/api/v1/profiles?incident=x") == 400


def test_its_links_lead_to_what_belongs_to_it(serve, spike):
    one = serve.get(f"/api/v1/incidents/{spike['seq']}")
    assert {key: one[key] for key in spike} == spike
    assert set(one["links"]) == {"events", "processes", "before", "profile"}
    for link in one["links"].values():
        assert serve.status(link) == 200, link
    assert spike["pid"] in [life["pid"] for life in
                            serve.get(one["links"]["processes"] + f"&pid={spike['pid']}")["data"]]
    assert serve.get(one["links"]["before"])["samples"] > 0


def test_a_command_that_fails(serve, failed):
    assert failed["what"] == f"process {failed['pid']} 'kymo-fails' ended with status 3"
    assert failed["value"] is None and failed["unit"] == "none"
    with subprocess.Popen([serve.folder / "kymo-dies"]) as process:
        serve.row("SELECT 1 FROM process_exec WHERE pid = ?", process.pid)
        process.send_signal(signal.SIGTERM)
    died = over(serve, f"trigger=exit&pid={process.pid}")
    assert died["what"] == f"process {process.pid} 'kymo-dies' was ended by SIGTERM"


HUNGRY = """
#include <stdlib.h>
#include <string.h>
int main(void)
{
	for (;;) {
		char *more = malloc(1 << 20);
		if (more)
			memset(more, 1, 1 << 20);
	}
}
"""


def memory_group():
    """A new control group with the memory controller, and the file of its limit; None: there is none here."""
    name = f"kymo-{uuid.uuid4().hex}"
    for root, limit in ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max"):
        group = pathlib.Path(root) / name
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / limit).exists():
            return group, limit
        group.rmdir()
    return None


def test_a_kill_for_want_of_memory(serve):
    made = memory_group()
    if not made:
        pytest.skip("no memory controller here")
    group, limit = made
    hungry = program(serve.folder, "kymo-hungry", HUNGRY)
    try:
        (group / limit).write_text("20M")
        for swap, most in ("memory.swap.max", "0"), ("memory.memsw.limit_in_bytes", "20M"):
            if (group / swap).exists():
                (group / swap).write_text(most)
        with subprocess.Popen([hungry], preexec_fn=lambda: (group / "cgroup.procs").write_text(str(os.getpid()))) \
                as process:
            assert process.wait() == -signal.SIGKILL
    finally:
        group.rmdir()
    killed = over(serve, f"trigger=oom&pid={process.pid}")
    assert killed["comm"] == "kymo-hungry" and killed["unit"] == "none" and killed["value"] is None
    assert killed["what"] == (f"the kernel killed process {process.pid} 'kymo-hungry' for want of memory, of which "
                              f"{process.pid} 'kymo-hungry' wanted some")
    # Its profile is of the host: the process is gone.
    assert killed["state"] == "done" and serve.status(f"/api/v1/profiles?incident={killed['seq']}") == 200
    events = serve.get(f"/api/v1/memory?event=oom&pid={process.pid}")["data"]
    assert len(events) == 1 and int(events[0]["at_unix_ns"]) <= int(killed["at_unix_ns"])


def test_they_are_listed_by_time_and_page(serve, spike, failed):
    answer = serve.get("/api/v1/incidents?limit=1")
    assert answer["count"] == 1 and answer["next_cursor"]
    seen = [answer["data"][0]["seq"]]
    while answer["next_cursor"]:
        answer = serve.get(f"/api/v1/incidents?limit=1&cursor={answer['next_cursor']}")
        seen += [one["seq"] for one in answer["data"]]
    assert seen == sorted(set(seen), key=int, reverse=True) and {spike["seq"], failed["seq"]} <= set(seen)
    before = serve.get(f"/api/v1/incidents?end={spike['at_unix_ns']}")["data"]
    assert spike["seq"] not in [one["seq"] for one in before]
    # Those that go on or end in a span belong to it.
    inside = serve.get(f"/api/v1/incidents?start={spike['ended_unix_ns']}")["data"]
    assert spike["seq"] in [one["seq"] for one in inside]
    for number, status in ("0", 400), ("x", 400), ("-1", 400), ("1", 404), ("9" * 18, 404):
        assert serve.status(f"/api/v1/incidents/{number}") == status, number


def test_they_are_events_too(serve, spike):
    """Each is told of twice, in the stream of events and among the records."""
    text = curl("-N", "--max-time", "5", f"{serve.url}/api/v1/events?type=incident&after=0").stdout
    events = [block.split("\n") for block in text.split("\n\n") if "event: incident" in block]
    told = {(lines[1], json.loads(lines[2][6:])["seq" if "begin" in lines[1] else "incident"])
            for lines in events}
    assert {("event: incident.begin", spike["seq"]), ("event: incident.end", spike["seq"])} <= told
    begun = serve.get(f"/api/v1/incident?event=begin&pid={spike['pid']}")["data"]
    assert spike["seq"] in [one["seq"] for one in begun]


def test_the_command_line_shows_them(serve, spike):
    def query(*words):
        return subprocess.run([KYMO, "query", *words, "--store", serve.store], capture_output=True,
                              text=True, check=True).stdout

    assert "kymo-spike" in query("incidents", "trigger=process_cpu")
    assert spike["seq"] in query("incidents", "--json")
    assert "kymo_spikes_here" in query("profiles", f"incident={spike['seq']}", "-f", "folded")


def test_state_and_figures(serve, spike, failed):
    status = serve.get("/api/v1/status")
    triggers = {one["name"]: one for one in status["triggers"]}
    assert triggers["process_cpu"]["state"] == "on" and triggers["process_cpu"]["fired"] >= 1
    assert triggers["exit"]["fired"] >= 1 and triggers["host_cpu"]["state"] == "off"
    assert status["incidents"]["begun"] >= 2 and int(status["incidents"]["profiles_cpu_ns"]) > 0
    metrics = serve.text("/metrics")
    assert 'kymo_trigger_on{trigger="process_cpu"} 1' in metrics
    assert 'kymo_trigger_on{trigger="host_cpu"} 0' in metrics and "\nkymo_incidents_total " in metrics


def test_a_kill_cuts_what_goes_on_and_the_rest_is_kept(tmp_path):
    program(tmp_path, "kymo-fails", "int main(void) { return 3; }")
    settings = {**SETTINGS, "triggers.process_cpu.enabled": "false", "triggers.profile_s": 300,
                "triggers.max_incidents": 2}
    with Serving(tmp_path, **settings) as serving:
        subprocess.run([tmp_path / "kymo-fails"], check=False)
        until(lambda: serving.rows("SELECT 1 FROM incident_whole_row"), "one that goes on")
        goes_on = serving.get("/api/v1/incidents")["data"][0]
        assert goes_on["is_over"] is False and goes_on["ended_unix_ns"] is None and goes_on["state"] is None
        serving.end(signal.SIGKILL)
    with Serving(tmp_path, **settings) as serving:
        cut = serving.get(f"/api/v1/incidents/{goes_on['seq']}")
        assert cut["is_over"] and cut["state"] == "cut" and "profile" not in cut["links"]
        assert int(cut["ended_unix_ns"]) >= int(cut["at_unix_ns"])
        # A good end says that, too; and no more are kept than may be.
        for count in 1, 2:
            subprocess.run([tmp_path / "kymo-fails"], check=False)
            until(lambda n=count: serving.get("/api/v1/status")["incidents"]["running"] == n, "begun")
        assert serving.end() == 0
    with Serving(tmp_path, **settings) as serving:
        kept = serving.get("/api/v1/incidents")["data"]
        assert len(kept) == 2 and cut["seq"] not in [one["seq"] for one in kept]
        assert {one["state"] for one in kept} == {"cut"} and {one["why"] for one in kept} == {"kymo ended"}


def test_what_may_not_be_afforded_is_told(tmp_path):
    """A budget of a thousandth of a CPU is used up by one profile or two."""
    program(tmp_path, "kymo-fails", "int main(void) { return 3; }")
    settings = {**SETTINGS, "triggers.process_cpu.enabled": "false", "triggers.profile_s": 1,
                "budget.cpu_percent": 0.1}
    with Serving(tmp_path, **settings) as serving:
        def refused():
            subprocess.run([tmp_path / "kymo-fails"], check=False)
            return [one for one in serving.get("/api/v1/incidents")["data"] if one["why"]]
        said = until(refused, "one without a profile")[0]
        assert said["state"] == "no profile" and "budget of 0.1 %" in said["why"]
        assert said["rate_hz"] is None and said["samples"] is None
        # Nor may the profile that always goes on: what is recorded becomes less, and that is told.
        lowered = until(lambda: serving.get("/api/v1/status")["cost"].get("lowered"), "lowered")
        assert lowered.startswith("waits are kept from ") and lowered.endswith(" to keep to 0.1 % of a processor")
        assert "level=warn" in serving.log() and lowered in serving.log()


@pytest.mark.parametrize("line, said", [
    ("[triggers]\nbefore_s = 0", ":2:12: 'before_s' of [triggers] is 1 to 3600"),
    ("[triggers.host_cpu]\npercent = 101", ":2:11: 'percent' of [triggers.host_cpu] is 1 to 100"),
    ("[triggers.exit]\ncommands = 3", ":2:12: 'commands' of [triggers.exit] is a list of texts"),
    ("[triggers.io]\nfor_s = 61", "is 1 to 60"), ("[triggers.iO]\nfor_s = 6", "did you mean [triggers.io]?"),
    ("[triggers.oom]\nthreshold = 6", "there is no key 'threshold' in [triggers.oom]")])
def test_settings_that_make_no_sense(tmp_path, line, said):
    (tmp_path / "kymo.toml").write_text(line + "\n")
    done = subprocess.run([KYMO, "serve", "-c", tmp_path / "kymo.toml", "--generate-config"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and said in done.stderr, done.stderr


SLOW = """
#include <pthread.h>
#include <unistd.h>
__attribute__((noinline)) void kymo_is_slow(void) { usleep(20000); __asm__ volatile(""); }
static void *call(void *none) { for (;;) kymo_is_slow(); return none; }
int main(void)
{
	pthread_t threads[64];
	for (int i = 0; i < 64; i++)
		pthread_create(&threads[i], 0, call, 0);
	pthread_join(threads[0], 0);
}
"""


def test_a_function_that_becomes_slow(tmp_path):
    """Every call takes 20 ms or more, and there are more than the thousand that a p99 needs."""
    slow = program(tmp_path, "kymo-slow", SLOW)
    settings = {**SETTINGS, "triggers.process_cpu.enabled": "false", "triggers.latency.p99_ms": 15,
                "triggers.latency.function": f"{slow}:kymo_is_slow", "triggers.latency.for_s": 5}
    with Serving(tmp_path, **settings) as serving, subprocess.Popen([slow]) as process:
        try:
            incident = over(serving, "trigger=latency&state=done")
        finally:
            process.kill()
        assert incident["unit"] == "ns" and incident["threshold"] == 15_000_000
        # The middle of a bucket is at most 3.125 % off.
        assert incident["value"] >= 19_000_000 and incident["held_ns"] == 5_000_000_000
        assert incident["what"].startswith(f"one of a hundred calls of {slow}:kymo_is_slow took ")
        assert incident["pid"] is None
        folded = serving.text(f"/api/v1/profiles?incident={incident['seq']}&comm=kymo-slow&format=folded")
        assert "kymo_is_slow" in folded and "sleep" in folded
        assert serving.get(f"/api/v1/profiles?incident={incident['seq']}")["kind"] == "wall"


def test_a_function_that_is_not_there_is_told(tmp_path):
    settings = {**SETTINGS, "triggers.latency.function": "/nowhere/program:main"}
    with Serving(tmp_path, **settings) as serving:
        said = until(lambda: [one for one in serving.get("/api/v1/status")["triggers"]
                              if one["name"] == "latency" and one["state"] == "not measured"], "told")[0]
        assert "/nowhere/program" in said["why"]
