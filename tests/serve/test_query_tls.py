# SPDX-License-Identifier: MIT
"""`kymo query` and `kymo export` of a daemon that wants TLS, certificates of clients and a token."""
import json
import os
import signal
import socket
import subprocess

import pytest

from serving import KYMO, PATIENCE_SECONDS, Serving, links_of, until

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def serve(tmp_path_factory, certificates):
    folder, at = tmp_path_factory.mktemp("tls"), certificates.folder
    for name in "tokens", "open":
        (folder / name).write_text(f"# who may\n{TOKEN}\n")
    (folder / "tokens").chmod(0o600)
    (folder / "open").chmod(0o644)
    with Serving(folder, wait=False, **{
            "http.bind_address": "0.0.0.0", "http_tls.cert_file": at / "server.pem",
            "http_tls.key_file": at / "server.key", "http_tls.ca_file": at / "ca.pem",
            "auth.token_file": folder / "tokens", "server.enabled": "false"}) as serving:
        serving.port = serving.url.rsplit(":", 1)[1]
        serving.url = f"https://127.0.0.1:{serving.port}"
        serving.good = ["--cacert", at / "ca.pem", "--cert", at / "client.pem", "--key", at / "client.key",
                        "-H", f"Authorization: Bearer {TOKEN}"]
        until(lambda: serving.status("/readyz", *serving.good) == 200 or serving.process.poll() is not None,
              "ready")
        yield serving


def words(serve, certificates, ca="ca.pem", name="client", token="tokens", url=None):
    at = certificates.folder
    chosen = ["--connect", url or serve.url]
    chosen += ["--ca", at / ca] if ca else []
    chosen += ["--cert", at / f"{name}.pem", "--key", at / f"{name}.key"] if name else []
    chosen += ["--token-file", serve.folder / token] if token else []
    return list(map(str, chosen))


def kymo(*said, **environment):
    return subprocess.run([KYMO, *map(str, said)], capture_output=True, text=True, timeout=120, check=False,
                          env=os.environ | environment)


def test_rows_and_profiles_come_by_tls(serve, certificates, tmp_path):
    with subprocess.Popen(["/bin/true"]) as process:
        process.wait()
    good = words(serve, certificates)

    def ends():
        done = kymo("query", "process.exit", f"pid={process.pid}", "--json", *good)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]
    assert until(ends, "its end")[0]["exit_code"] == 0
    path = tmp_path / "rows"
    done = kymo("export", "process", "-o", path, *good)
    assert done.returncode == 0, done.stderr
    assert process.pid in {json.loads(line)["pid"] for line in path.read_text().splitlines()}
    done = kymo("query", "profiles", "-f", "folded", *good)
    assert done.returncode == 0, done.stderr
    done = kymo("diff", "--before=-2h..-1h", "--after=-1h..", "--json", *good)
    assert done.returncode == 0 and "before" in json.loads(done.stdout), done.stderr
    # A name instead of an address.
    done = kymo("query", "process", *words(serve, certificates, url=f"https://localhost:{serve.port}/"))
    assert done.returncode == 0, done.stderr


def test_a_token_of_the_environment(serve, certificates):
    done = kymo("query", "process", *words(serve, certificates, token=None), KYMO_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    done = kymo("query", "process", *words(serve, certificates, token=None), KYMO_TOKEN="not the one")
    assert done.returncode == 77 and "a token" in done.stderr
    done = kymo("query", "process", *words(serve, certificates, token=None), KYMO_TOKEN=TOKEN + "\r\nX: y")
    assert done.returncode == 1 and "more than one line" in done.stderr


@pytest.mark.parametrize("changed, status, said", [
    ({"token": None}, 77, "--token-file FILE"),
    ({"token": "open"}, 1, "chmod 600"),
    ({"token": "none"}, 1, "No such file"),
    ({"ca": None}, 77, "--ca FILE"),
    ({"ca": "foreign.pem"}, 77, "shows no certificate that is trusted"),
    ({"ca": "client.key"}, 1, "cannot use the authorities"),
    ({"name": None}, 77, "--cert FILE"),
    ({"name": "stranger"}, 77, "--cert FILE"),
    ({"name": "late"}, 77, "--cert FILE"),
    ({"url": "https://127.0.0.2:{}"}, 77, "shows no certificate that is trusted"),
    ({"url": "http://127.0.0.1:{}"}, 1, "https://"),
    ({"url": "http://127.0.0.1:{}", "ca": None, "name": None}, 1, "is no kymo"),
    ({"url": "https://127.0.0.1:1"}, 1, "no kymo answers"),
], ids=str)
def test_what_is_not_enough(serve, certificates, changed, status, said):
    if "url" in changed:
        changed = {**changed, "url": changed["url"].format(serve.port)}
    done = kymo("query", "process", *words(serve, certificates, **changed))
    assert done.returncode == status and said in done.stderr and not done.stdout, done.stderr
    assert TOKEN not in done.stderr


@pytest.mark.parametrize("said, why", [
    (["--cert", "x"], "belong together"), (["--store", "x", "--ca", "y"], "is for a daemon"),
    (["--store", "x", "--token-file", "y"], "is for a daemon")], ids=str)
def test_options_that_do_not_fit(said, why):
    done = kymo("query", "process", *said)
    assert done.returncode == 2 and why in done.stderr


def test_tls_with_what_speaks_none(certificates):
    """Whatever it says: it is no crash, and no endless wait."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = ["query", "process", "--connect", f"https://127.0.0.1:{server.getsockname()[1]}", "--ca",
                certificates.folder / "ca.pem"]
        with subprocess.Popen([KYMO, *map(str, said)], stderr=subprocess.PIPE, text=True) as query:
            with server.accept()[0] as other:
                other.recv(1000)
                other.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            assert "TLS with" in query.stderr.read() and query.wait() == 77


ELSEWHERE = """
ip link set lo up && ip address add 192.0.2.1/32 dev lo && exec "$@"
"""


def test_a_token_leaves_this_host_by_tls_alone(tmp_path):
    """What listens at another address than loopback's is not told it in the clear."""
    server = ("import socket, subprocess, sys\n"
              "s = socket.create_server(('192.0.2.1', 8080))\n"
              "p = subprocess.Popen(sys.argv[1:])\n"
              "print(s.accept()[0].recv(1000).decode() or 'nothing was said', flush=True)\n"
              "sys.exit(p.wait())")
    done = subprocess.run(["unshare", "-n", "sh", "-c", ELSEWHERE, "sh", "/usr/bin/python3", "-c", server, KYMO,
                           "query", "process", "--connect", "http://192.0.2.1:8080"], capture_output=True,
                          text=True, timeout=120, check=False, env=os.environ | {"KYMO_TOKEN": TOKEN})
    assert "nothing was said" in done.stdout and TOKEN not in done.stdout, done
    assert "in the clear" in done.stderr and done.returncode == 1


class Following:
    def __init__(self, *said):
        self.process = subprocess.Popen([KYMO, "query", *map(str, said)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def end(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_SECONDS)


def test_events_come_as_they_happen(serve, certificates):
    good = words(serve, certificates)
    begun = serve.get("/api/v1/status", *serve.good)["store"]["committed_seq"]
    with Following("/api/v1/events", "type=process.exit", f"after={begun}", "--json", *good) as following:
        with subprocess.Popen(["/bin/true"]) as process:
            process.wait()
        event = {}
        while event.get("pid") != process.pid:
            event = json.loads(following.process.stdout.readline())
        assert event["event"] == "exit" and event["seq"].isdigit()
        assert following.end() == 0, following.process.stderr.read()
    with Following("/api/v1/events", "type=process.exit", f"after={int(event['seq']) - 1}", "-n", 1,
                   *good) as following:
        lines = following.process.stdout.read().splitlines()
        assert following.process.wait(PATIENCE_SECONDS) == 0, following.process.stderr.read()
        assert [line for line in lines if line.startswith("id: ")] == [f"id: {event['seq']}"]
        assert lines[-1] == "" and "event: process.exit" in lines


def test_a_file_of_events_is_whole_when_it_is_ended(serve, certificates, tmp_path):
    path = tmp_path / "events"
    with Following("/api/v1/events", "type=process", "after=0", "-o", path, *words(serve, certificates)) as following:
        def is_following():
            return any("signalfd" in link for link in links_of(following.process.pid))
        until(is_following, "it follows")
        assert not path.exists()
        assert following.end() == 0, following.process.stderr.read()
    assert path.read_text().startswith("retry: ") and path.stat().st_mode & 0o777 == 0o600


def test_a_file_tells_no_events(serve):
    done = kymo("query", "/api/v1/events", "--store", serve.store)
    assert done.returncode == 1 and "told by a daemon that runs" in done.stderr
    done = kymo("query", "/api/v1/events", "type=proces", "--connect", serve.url)
    assert done.returncode == 77 and not done.stdout
