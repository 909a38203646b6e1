# SPDX-License-Identifier: MIT
"""Who may come in: TLS, certificates of clients, tokens, and what is refused at the start; with curl and grpcio."""
import os
import signal
import socket
import ssl
import subprocess

import pytest

grpc = pytest.importorskip("grpc")
from calling import Profiler  # noqa: E402
from serving import KYMO, Serving, curl, until  # noqa: E402

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def serve(tmp_path_factory, certificates):
    """TLS with certificates of clients for gRPC, with a token for both."""
    folder, at = tmp_path_factory.mktemp("tls"), certificates.folder
    (folder / "tokens").touch(0o600)
    (folder / "tokens").write_text(f"# who may\n{TOKEN}\n")
    with Serving(folder, wait=False, **{
            "http.bind_address": "0.0.0.0", "server.bind_address": "0.0.0.0",
            "http_tls.cert_file": at / "server.pem", "http_tls.key_file": at / "server.key",
            "grpc_tls.cert_file": at / "server.pem", "grpc_tls.key_file": at / "server.key",
            "grpc_tls.ca_file": at / "ca.pem", "auth.token_file": folder / "tokens",
            "http.unix_socket": folder / "sock"}) as serving:
        port = serving.url.rsplit(":", 1)[1]
        assert serving.url.startswith("https://")
        serving.url = f"https://127.0.0.1:{port}"
        serving.words_ok = ["--cacert", at / "ca.pem", "-H", f"Authorization: Bearer {TOKEN}"]
        serving.grpc = serving.get("/api/v1/status", *serving.words_ok)["grpc"]["port"]
        yield serving


def channel(serve, certificates, name="client", authority="ca"):
    words = {"root_certificates": certificates.bytes(f"{authority}.pem")}
    if name:
        words |= {"private_key": certificates.bytes(f"{name}.key"),
                  "certificate_chain": certificates.bytes(f"{name}.pem")}
    return grpc.secure_channel(f"127.0.0.1:{serve.grpc}", grpc.ssl_channel_credentials(**words))


def status_of(ask):
    with pytest.raises(grpc.RpcError) as error:
        ask()
    return error.value.code()


GOOD = {"metadata": [("authorization", f"Bearer {TOKEN}")]}


def test_grpc_with_a_certificate_and_a_token(serve, certificates):
    with channel(serve, certificates) as one:
        client = Profiler(one, **GOOD)
        until(lambda: client.status().healthy, "healthy")
        assert client.start(-1).message == "Invalid process ID"
        for metadata in None, [("authorization", "Bearer 0123456789abcdef")], [("authorization", TOKEN)]:
            assert status_of(lambda m=metadata: client.status(metadata=m)) == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("name", [None, "stranger", "late"])
def test_grpc_wants_a_certificate_that_is_valid(serve, certificates, name):
    with channel(serve, certificates, name) as one:
        assert status_of(lambda: Profiler(one, timeout=10, **GOOD).status()) == grpc.StatusCode.UNAVAILABLE


def test_a_client_trusts_no_stranger(serve, certificates):
    with channel(serve, certificates, authority="foreign") as one:
        assert status_of(lambda: Profiler(one, timeout=10, **GOOD).status()) == grpc.StatusCode.UNAVAILABLE


def test_http_by_tls_with_a_token(serve, certificates):
    authority = ["--cacert", certificates.folder / "ca.pem"]
    assert serve.status("/healthz", *serve.words_ok) == 200
    assert serve.status("/healthz", *authority) == 401
    assert serve.status("/api/v1/sessions", *authority, "-H", "Authorization: Bearer nobody") == 401
    assert serve.status("/healthz", "--cacert", certificates.folder / "foreign.pem") == 0
    assert curl(serve.url.replace("https", "http") + "/healthz").stdout == ""
    assert "hint" in serve.text("/healthz", *authority)
    answer = curl("--unix-socket", serve.folder / "sock", "http://localhost/healthz")  # its rights decide
    assert answer.stdout == '{"status":"ok"}\n'


@pytest.mark.parametrize("port", ["http", "grpc"])
def test_nothing_older_than_tls_1_2(serve, port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    number = int(serve.url.rsplit(":", 1)[1]) if port == "http" else serve.grpc
    with socket.create_connection(("127.0.0.1", number)) as raw:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(raw)


def test_half_a_handshake_holds_up_nobody(serve, certificates):
    raw = [socket.create_connection(("127.0.0.1", serve.grpc)) for _ in range(20)]
    for one in raw[:10]:
        one.sendall(b"\x16\x03\x01\x02\x00\x01")
    for one in raw[10:]:
        one.sendall(b"GET / HTTP/1.1\r\n\r\n")
    with channel(serve, certificates) as one:
        assert Profiler(one, **GOOD).status().version == "0.1.0"
    for one in raw:
        one.close()


def test_certificates_and_tokens_are_read_again(serve, certificates):
    def number():
        pem = ssl.get_server_certificate(("127.0.0.1", int(serve.url.rsplit(":", 1)[1])))
        return openssl_text(pem)

    def openssl_text(pem):
        return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pem, text=True, check=True,
                              capture_output=True).stdout
    before, good = number(), certificates.bytes("server.pem")
    (certificates.folder / "server.pem").write_text("no certificate")
    serve.process.send_signal(signal.SIGHUP)
    until(lambda: "certificates and tokens: cannot use the certificate" in serve.log(), "said")
    assert number() == before, "what cannot be read changes nothing"
    (certificates.folder / "server.pem").write_bytes(good)
    certificates.sign("server", "ca")
    (serve.folder / "tokens").write_text(TOKEN + "\n" + "f" * 32 + "\n")
    serve.process.send_signal(signal.SIGHUP)
    until(lambda: number() != before, "the new certificate")
    until(lambda: serve.status("/healthz", "--cacert", certificates.folder / "ca.pem", "-H",
                               f"Authorization: Bearer {'f' * 32}") == 200, "the new token")


def refused(tmp_path, *settings):
    words = [word for one in settings for word in ("--set", one)]
    answer = subprocess.run([KYMO, "serve", "--set", f"store.path={tmp_path}/kymo.db", "--set", "http.port=0",
                             "--set", "server.port=0", *words], capture_output=True, text=True, timeout=60,
                            check=False)
    assert answer.returncode and not answer.stdout and not (tmp_path / "kymo.db").exists()
    return answer.stderr


def test_an_open_door_is_refused_with_the_key_to_set(tmp_path, certificates):
    at = certificates.folder
    tls = [f"{{}}_tls.cert_file={at}/server.pem", f"{{}}_tls.key_file={at}/server.key"]
    for table, other in ("http", "http"), ("server", "grpc"):
        said = refused(tmp_path, f"{table}.bind_address=0.0.0.0")
        assert "in the clear" in said and f"cert_file and key_file in [{other}_tls]" in said
        said = refused(tmp_path, f"{table}.bind_address=::", *[one.format(other) for one in tls])
        assert "anybody" in said and f"ca_file in [{other}_tls]" in said and "token_file in [auth]" in said
    assert "has no key_file" in refused(tmp_path, f"grpc_tls.cert_file={at}/server.pem")
    assert "no address in digits" in refused(tmp_path, "server.bind_address=localhost")


def test_files_that_are_wrong_stop_the_start(tmp_path, certificates):
    if os.geteuid() != 0:
        pytest.skip("only root may load BPF programs")
    at = certificates.folder
    (tmp_path / "open.key").write_bytes(certificates.bytes("server.key"))
    (tmp_path / "open.key").chmod(0o644)
    (tmp_path / "open.tokens").write_text(TOKEN)
    (tmp_path / "open.tokens").chmod(0o644)
    (tmp_path / "short").touch(0o600)
    (tmp_path / "short").write_text("secret\n")

    def said(*settings):
        words = [word for one in settings for word in ("--set", one)]
        answer = subprocess.run([KYMO, "serve", "--set", f"store.path={tmp_path}/kymo.db", "--set", "http.port=0",
                                 "--set", "server.port=0", *words], capture_output=True, text=True, timeout=60,
                                check=False)
        assert answer.returncode and not answer.stdout
        return answer.stderr

    def tls(cert, key):
        return said(f"grpc_tls.cert_file={cert}", f"grpc_tls.key_file={key}")
    assert "others may read the key" in tls(at / "server.pem", tmp_path / "open.key")
    assert "cannot use the key" in tls(at / "server.pem", at / "client.key")
    assert "cannot read the certificate" in tls(at / "none", at / "server.key")
    assert "others may read the tokens" in said(f"auth.token_file={tmp_path}/open.tokens")
    assert "shorter than 16" in said(f"auth.token_file={tmp_path}/short")
    assert "No such file" in said(f"auth.token_file={tmp_path}/none")
