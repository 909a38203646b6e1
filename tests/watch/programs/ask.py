#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""ask.py SCENARIO - asks a name server of its own, and prints as JSON what is true of it.

Client and server are in a network namespace of their own, on loopback; `far` puts the server into
another one, at the other end of a bridge and a veth pair.
"""
import ctypes
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
A, NS, TXT, AAAA = 1, 2, 16, 28
ANSWER, TRUNCATED, NXDOMAIN = 0x8000, 0x0200, 3
POINTER = b"\xc0\x0c"  # to the name in the question
V4, V6 = "127.0.0.1", "::1"
DELAY_S = 0.02


def unshare():
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    ip("link set lo up")


def ip(words, *more):
    subprocess.run([*more, "ip", *words.split()], check=True)


def wire(name):
    labels = name if isinstance(name, list) else [part.encode() for part in name.split(".") if part]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def question(name, kind, number):
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + wire(name) + struct.pack(">2H", kind, 1)


def record(name, kind, data):
    return name + struct.pack(">2HIH", kind, 1, 60, len(data)) + data


def reply(asked, records=(), flags=0):
    number = struct.unpack_from(">H", asked)[0]
    head = struct.pack(">6H", number, ANSWER | flags, 1, len(records), 0, 0)
    return head + asked[12:] + b"".join(records)


def serve(server, replies, delay=0):
    """Answers as many questions as there are replies, in a process of its own."""
    if os.fork():
        return
    for make in replies:
        asked, who = server.recvfrom(4096)
        time.sleep(delay)
        for packet in make(asked):
            server.sendto(packet, who)
    os._exit(0)


def server_at(address, port=53):
    server = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                           socket.SOCK_DGRAM)
    server.bind((address, port))
    return server


def client_of(address, port=53):
    client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                           socket.SOCK_DGRAM)
    client.connect((address, port))
    return client


def ask(address, name, kind, number=7, port=53):
    """(port of the client, how long it took)"""
    client = client_of(address, port)
    begin = time.monotonic_ns()
    client.send(question(name, kind, number))
    client.recv(4096)
    return {"local_port": client.getsockname()[1], "took_ns": time.monotonic_ns() - begin}


def answered(address, port="53"):
    """An alias, through a pointer, and two addresses."""
    v6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    v4 = socket.inet_aton("192.0.2.7")
    records = [record(POINTER, 5, b"\4real" + POINTER), record(b"\4real" + POINTER, A, v4),
               record(POINTER, AAAA, v6)]
    serve(server_at(address, int(port)), [lambda asked: [reply(asked, records)]], DELAY_S)
    return ask(address, "www.Example.com", A, 4711, int(port))


def v6_address():
    records = [record(POINTER, AAAA, socket.inet_pton(socket.AF_INET6, "2001:db8::1"))]
    serve(server_at(V4), [lambda asked: [reply(asked, records)]])
    return ask(V4, "v6.example", AAAA)


def failures():
    """No such name, a truncated answer, and the root."""
    serve(server_at(V4), [lambda asked: [reply(asked, flags=NXDOMAIN)],
                          lambda asked: [reply(asked, flags=TRUNCATED)],
                          lambda asked: [reply(asked, [record(POINTER, NS, b"\1a\0")])]])
    ask(V4, "nobody.example", AAAA)
    ask(V4, "long.example", TXT)
    ask(V4, "", NS)
    return {}


def hostile():
    """Names that try something, records that lie; all are asked and answered."""
    long = [b"x" * 63, b"y" * 63, b"z" * 63, b"w" * 61]
    server = server_at(V4)
    serve(server, [
        lambda asked: [reply(asked, [record(POINTER, A, b"\1\2\3\4")])],
        lambda asked: [reply(asked)],
        # a record that claims more than there is, and pointers that go round
        lambda asked: [reply(asked)[:-4] + b"\xc0\xff" + b"\0" * 6 + b"\xff\xff" + b"abc"],
        lambda asked: [reply(asked, [b"\xc0\x0c\xc0\x0c"] * 40)],
        lambda asked: [reply(asked)],
        lambda asked: [reply(asked)],
    ])
    ask(V4, [b"a.b", b"\n\x1b[31m\0", b"\xff<;\\"], A)
    ask(V4, long, 65280)
    ask(V4, "lie.example", A)
    ask(V4, "round.example", A)
    client = client_of(V4)
    for packet in (struct.pack(">6H", 1, 0, 1, 0, 0, 0) + b"\3cut",
                   struct.pack(">6H", 2, 0, 1, 0, 0, 0) + b"\4loop\xc0\x0c\0\1\0\1"):
        client.send(packet)
        client.recv(4096)
    for packet in (b"", b"\0" * 11, struct.pack(">6H", 3, 0, 0, 0, 0, 0)):
        client.send(packet)  # the last one is a question about nothing
    return {"local_port": client.getsockname()[1]}


def unanswered():
    """Asked three times."""
    server = server_at(V4)
    client = client_of(V4)
    for _ in range(3):
        client.send(question("void.example", A, 99))
        server.recv(4096)
    time.sleep(1.5)
    return {"local_port": client.getsockname()[1]}


def strays():
    """Two answers that nobody asked for, and one that comes twice."""
    server, client = server_at(V4), client_of(V4)
    server.sendto(reply(question("x", A, 1)), client.getsockname())
    server.sendto(reply(question("x", A, 2)), client.getsockname())
    serve(server, [lambda asked: [reply(asked), reply(asked)]])
    ask(V4, "twice.example", A, 3)
    for _ in range(2):
        client.recv(4096)
    return {}


def far():
    """Through a bridge in between, where the packets come by at three devices more."""
    holder = subprocess.Popen(["unshare", "-n", "sleep", "60"])
    inner = str(holder.pid)
    while os.stat(f"/proc/{inner}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino:
        time.sleep(0.01)
    for words in ("link add name middle type bridge",
                  "link add name near type veth peer name port1",
                  f"link add name port2 type veth peer name far netns {inner}",
                  "link set port1 master middle", "link set port2 master middle",
                  "addr add 10.8.0.1/24 dev near", "link set near up", "link set port1 up",
                  "link set port2 up", "link set middle up"):
        ip(words)
    for words in ("addr add 10.8.0.2/24 dev far", "link set lo up", "link set far up"):
        ip(words, "nsenter", "-t", inner, "-n")
    server = os.fork()
    if server == 0:
        os.execvp("nsenter", ["nsenter", "-t", inner, "-n", sys.executable, __file__, "serve_far"])
    try:
        while True:
            client = client_of("10.8.0.2")
            client.settimeout(0.2)
            client.send(question("warm.up", A, 1))
            try:
                client.recv(4096)
                break
            except OSError:
                pass
        return ask("10.8.0.2", "far.example", A, 5)
    finally:
        holder.kill()
        holder.wait()


def serve_far():
    server = server_at("10.8.0.2")
    while True:
        asked, who = server.recvfrom(4096)
        server.sendto(reply(asked), who)
        if b"example" in asked:
            os._exit(0)


def many(count):
    server, client = server_at(V4), client_of(V4)
    if os.fork() == 0:
        for _ in range(int(count)):
            asked, who = server.recvfrom(4096)
            server.sendto(reply(asked), who)
        os._exit(0)
    for number in range(int(count)):
        client.send(question("many.example", A, number & 0xffff))
        client.recv(4096)
    return {"local_port": client.getsockname()[1]}


def main():
    scenario, words = sys.argv[1], sys.argv[2:]
    if scenario != "serve_far":
        unshare()
    pathlib.Path("/proc/self/comm").write_text("asker")
    truth = globals()[scenario](*words)
    print(json.dumps(truth | {"pid": os.getpid(), "server_port": 53}))


main()
