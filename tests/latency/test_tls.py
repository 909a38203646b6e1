# SPDX-License-Identifier: MIT
"""Requests behind TLS, of servers that use OpenSSL, against what clients and servers counted."""
import http.client
import shutil
import ssl
import subprocess

import pytest

from test_http import losses, measured, nginx, node_server, python_server
from timing import Timing, free_port, kymo, made


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
