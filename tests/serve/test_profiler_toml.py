# SPDX-License-Identifier: MIT
"""A profiler.toml of an older profiler is read as it stands; what would be unsafe is refused with the key to set."""
import os
import subprocess

import pytest

from serving import KYMO, Serving

EXAMPLE = """
[server]
bind_address = "0.0.0.0"
port = 8080

[grpc_tls]
cert_file = "/path/to/server.crt"
key_file = "/path/to/server.key"
ca_file = "/path/to/ca.pem"

[profiler]
max_concurrent_sessions = 10
max_session_duration_seconds = 300
max_frequency_hz = 1000
chunk_size_bytes = 65536
"""
PACKAGED = EXAMPLE.replace("8080", "50084") + """
[ebpf]
enabled = true
max_stack_depth = 32
stack_trace_buffer_size = 8192
perf_buffer_size = 262144
"""


def settings(path, text, *words):
    path.write_text(text)
    return subprocess.run([KYMO, "serve", "-c", path, "--generate-config", *words], capture_output=True, text=True,
                          timeout=60, check=False)


@pytest.mark.parametrize("text", [EXAMPLE, PACKAGED])
def test_it_is_read_unchanged(tmp_path, text):
    answer = settings(tmp_path / "profiler.toml", text)
    assert answer.returncode == 0, answer.stderr
    table, said = "", {}
    for line in answer.stdout.splitlines():
        if line.startswith("["):
            table = line
        said[table, line.partition(" = ")[0]] = line.partition(" = ")[2]
    for line in text.splitlines():
        if line.startswith("["):
            table = line
        elif line:
            key, _, value = line.partition(" = ")
            assert said[table, key] == value, key
    # Its usual port was that of HTTP, too, which makes room.
    assert said["[http]", "port"] == ("8081" if "8080" in text else "8080")


def test_without_certificates_it_is_refused(tmp_path):
    start, end = EXAMPLE.index("[grpc_tls]"), EXAMPLE.index("[profiler]")
    answer = settings(tmp_path / "profiler.toml", EXAMPLE[:start] + EXAMPLE[end:])
    assert answer.returncode == 1 and "cert_file and key_file in [grpc_tls]" in answer.stderr
    answer = settings(tmp_path / "profiler.toml", EXAMPLE.replace("ca_file", "# ca_file"))
    assert answer.returncode == 1 and "ca_file in [grpc_tls]" in answer.stderr


def test_one_port_for_both_names_both_lines(tmp_path):
    answer = settings(tmp_path / "profiler.toml", EXAMPLE + "\n[http]\nport = 8080\n")
    assert answer.returncode == 1 and "of line 18 and [server] port of line 4" in answer.stderr, answer.stderr


@pytest.mark.parametrize("line, said", [
    ("max_concurrent_session = 3", "max_concurrent_sessions"), ("chunk_size_bytes = 1", "1024 to 2097152"),
    ("max_frequency_hz = 1e9", "whole number"), ("max_frequency_hz = -1", "1 to 10000"),
    ("max_session_duration_seconds = true", "whole number")])
def test_what_is_wrong_in_it(tmp_path, line, said):
    key = line.partition(" = ")[0]
    text = "\n".join(one for one in EXAMPLE.splitlines() if not one.startswith(key + " ")) + f"\n{line}\n"
    answer = settings(tmp_path / "profiler.toml", text)
    assert answer.returncode == 1 and said in answer.stderr and "profiler.toml:1" in answer.stderr, answer.stderr


def test_its_depth_of_stacks_is_obeyed(tmp_path):
    grpc = pytest.importorskip("grpc")
    from calling import Profiler  # pylint: disable=import-outside-toplevel
    with Serving(tmp_path, **{"ebpf.max_stack_depth": 2}) as serving, \
            subprocess.Popen(["sh", "-c", "while :; do :; done"]) as burner:
        try:
            with grpc.insecure_channel(f"127.0.0.1:{serving.get('/api/v1/status')['grpc']['port']}") as channel:
                client = Profiler(channel)
                said = client.start(burner.pid, 1, 199)
                assert serving.session_over(said.session_id)["state"] == "done"
                text = b"".join(chunk.data for chunk in client.results(said.session_id)).decode()
        finally:
            burner.kill()
    stacks = [line.rsplit(" ", 1)[0].split(";") for line in text.partition("\n\n")[2].splitlines()]
    cut = [stack for stack in stacks if stack[0] == "[truncated: deeper than 2 frames]"]
    assert cut and all(len(stack) == 3 for stack in cut)
    assert all(len(stack) <= 2 for stack in stacks if stack not in cut)


def test_switched_off_it_starts_no_session(tmp_path):
    with Serving(tmp_path, wait=False, **{"ebpf.enabled": "false", "server.enabled": "false"}) as serving:
        status, problem = serving.post("/api/v1/sessions", pid=os.getpid())
        assert status == 403 and "[ebpf]" in problem["detail"]
        assert "grpc" not in serving.get("/api/v1/status")
