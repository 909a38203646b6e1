# SPDX-License-Identifier: MIT
"""Requests behind TLS, of servers that use OpenSSL, against what clients and servers counted."""
import contextlib
import http.client
import shutil
import ssl
import subprocess
import time

import pytest

from test_http import losses, measured, nginx, node_server, python_server
from timing import Target, Timing, free_port, kymo, made


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with a key and what it signed itself."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=here", "-keyout", folder / "key",
                    "-out", folder / "cert"], check=True, capture_output=True)
    both = folder / "both"
    both.write_text((folder / "key").read_text() + (folder / "cert").read_text())
    return both


def client(version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if version:
        context.maximum_version = version
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_python(certificate, version):
    port = free_port()
    with python_server(port, certificate) as server:
        measured(port, server, "-p", server.pid, "--tls", tls=client(version))


@pytest.mark.skipif(not shutil.which("node"), reason="no node")
def test_node(certificate):
    port = free_port()
    with node_server(port, certificate) as server:
        linked = subprocess.run(["ldd", shutil.which("node")], capture_output=True, text=True, check=True)
        own = "libnode" not in linked.stdout  # Debian's takes OpenSSL from the library
        measured(port, server, "-p", server.pid, "--tls=node" if own else "--tls", tls=client())


@pytest.mark.skipif(not shutil.which("nginx", path="/usr/sbin:/usr/bin"), reason="no nginx")
def test_nginx_and_its_workers(certificate, tmp_path):
    port, behind = free_port(), free_port()
    with python_server(behind) as server, nginx(port, behind, tmp_path, certificate) as front:
        measured(port, server, "-p", front.pid, "--tls", tls=client())


def get(port, path, tls):
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=tls)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_statuses_and_connections_of_one_request(certificate):
    port = free_port()
    with python_server(port, certificate) as server, \
            Timing("--http", "--port", port, "--tls") as timing:
        assert [get(port, f"/status/{status}", client()) for status in (200, 404, 503) * 5] == \
            [200, 404, 503] * 5
        timing.end()
        server.go()
    final = timing.finals["GET /status/{number}"]
    assert (final["count"], final["errors"]) == (15, 5)
    assert [final["statuses"][one] for one in ("unknown", "2xx", "4xx", "5xx")] == [0, 5, 5, 5]
    assert losses(final) == {}


def test_without_the_option_tls_is_counted_and_not_seen(certificate):
    port = free_port()
    with python_server(port, certificate) as server, Timing("--http", "--port", port) as timing:
        assert get(port, "/at", client()) == 200
        timing.end()
        server.go()
    assert timing.finals == {}
    assert "lost: 1 connections: TLS, without --tls" in timing.said


def test_a_file_without_openssl():
    done = kymo("--http", f"--tls={made('shapes.c')}")
    assert done.returncode == 1 and "there is no function 'SSL_read'" in done.stderr
    assert "add --http" in kymo("--tls", "a:b").stderr


HANDED = r"""
import socket, ssl, sys, threading
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2])
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))


def read(client, in_thread):  # cipher text, by this thread or by another one
    got = []
    reader = threading.Thread(target=lambda: got.append(client.recv(65536)))
    reader.start() if in_thread else reader.run()
    if in_thread:
        reader.join()
    return got[0]


def serve(client, in_thread):  # plain text is always this thread's
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_side=True)

    def until(what, *words):
        while True:
            try:
                done = what(*words)
                client.sendall(outgoing.read())
                return done
            except ssl.SSLWantReadError:
                client.sendall(outgoing.read())
                incoming.write(read(client, in_thread))

    until(session.do_handshake)
    until(session.read, 65536)
    until(session.write, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")


own = listener.accept()[0]
serve(own, False)
serve(listener.accept()[0], True)
sys.stdin.readline()
"""


def test_what_another_thread_has_read_is_not_taken_for_ones_own(certificate):
    """The thread that decrypts has read from another connection before, which is still open."""
    port = free_port()
    with Target("/usr/bin/python3", "-c", HANDED, port, certificate) as server, \
            Timing("--http", "-p", server.pid, "--tls") as timing:
        own = http.client.HTTPSConnection("127.0.0.1", port, context=client())
        deadline = time.monotonic() + 60
        while own.sock is None:
            with contextlib.suppress(ConnectionRefusedError):
                own.connect()
            assert time.monotonic() < deadline
        own.request("GET", "/own")
        assert own.getresponse().status == 200
        assert get(port, "/handed", client()) == 200
        timing.end()
        server.go()
    assert {name: final["count"] for name, final in timing.finals.items()} == {"GET /own": 1}
    kinds = losses(timing.finals["GET /own"])
    assert kinds["requests: behind TLS, of which the connection could not be told"] == 1
