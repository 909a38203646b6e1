#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""talk.py SCENARIO - makes TCP connections of known fate and prints, as JSON, what is true of them.

It runs in a network namespace of its own, which holds loopback and one end of a veth pair.
"""
import ctypes
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

CLONE_NEWNET = 0x40000000
V4, V6, MAPPED = "127.0.0.1", "::1", "::ffff:127.0.0.1"
LINGER_NONE = struct.pack("ii", 1, 0)
SERVER_UID = 12345
TCP_CLOSE = 7
# struct tcp_info of <linux/tcp.h>
INFO = {"state": (0, "B"), "unacknowledged": (24, "I"), "retransmits": (100, "I"), "rtt_us": (68, "I"), "min_rtt_us": (148, "I"),
        "segments_out": (136, "I"), "segments_in": (140, "I"), "received": (128, "Q"),
        "sent": (200, "Q"), "sent_again": (208, "Q")}


def enter_namespace():
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    for words in ("link set lo up", "link add name far type veth peer name near",
                  "addr add 10.9.0.1/24 dev near", "link set near up", "link set far up"):
        subprocess.run(["ip", *words.split()], check=True)


def set_name(name):
    pathlib.Path("/proc/thread-self/comm").write_text(name)


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def listen(address, backlog=16):
    listener = socket.socket(family_of(address))
    listener.bind((address, 0))
    listener.listen(backlog)
    return listener, listener.getsockname()[1]


def info(sock):
    raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return {name: struct.unpack_from("=" + kind, raw, at)[0] for name, (at, kind) in INFO.items()}


def receive_all(sock):
    total = 0
    while got := sock.recv(1 << 16):
        total += len(got)
    return total


def in_child(work):
    """Runs `work` in a process of its own, called 'talk-server', of another user."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            set_name("talk-server")
            os.setresuid(SERVER_UID, SERVER_UID, SERVER_UID)
            work()
            status = 0
        finally:
            os._exit(status)
    return pid


def reap(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def ends(client, port):
    return {"client_port": client.getsockname()[1], "server_port": port}


def last_info(sock):
    """What the kernel says of it when all is over."""
    wait_until(lambda: info(sock)["state"] == TCP_CLOSE)
    return info(sock)


def exchange(address, up="100000", down="777"):
    """Both send and close in order; the client connects in a thread that is not its first."""
    listener, port = listen(address)
    reader, writer = os.pipe()

    def serve():
        peer, _ = listener.accept()
        assert receive_all(peer) == int(up)
        peer.sendall(b"y" * int(down))
        peer.shutdown(socket.SHUT_WR)
        os.write(writer, json.dumps(last_info(peer)).encode())

    truth, server = {}, in_child(serve)

    def converse():
        set_name("talk-client")
        begin = time.monotonic_ns()
        client = socket.create_connection((address, port))
        truth.update(ends(client, port), tid=threading.get_native_id(),
                     connected_ns=time.monotonic_ns() - begin)
        client.sendall(b"x" * int(up))
        client.shutdown(socket.SHUT_WR)
        truth["received"] = receive_all(client)
        truth["client_info"] = last_info(client)
        truth["lasted_ns"] = time.monotonic_ns() - begin

    thread = threading.Thread(target=converse)
    thread.start()
    thread.join()
    reap(server)
    return truth | {"server": server, "server_info": json.loads(os.read(reader, 4096))}


def lossy():
    """Through a bucket that is too small."""
    for words in ("ip link set lo mtu 1500",
                  "tc qdisc add dev lo root tbf rate 20mbit burst 5kb limit 9kb"):
        subprocess.run(words.split(), check=True)
    listener, port = listen(V4)
    server = in_child(lambda: receive_all(listener.accept()[0]))
    client = socket.create_connection((V4, port))
    client.sendall(b"z" * 400_000)
    client.shutdown(socket.SHUT_WR)
    truth = ends(client, port) | last_info(client)
    client.close()
    reap(server)
    return truth


def wait_until(is_so):
    while not is_so():
        time.sleep(0.01)


def unread():
    """The client closes with bytes unread: it resets.  The server is in recv()."""
    listener, port = listen(V4)

    def serve():
        peer, _ = listener.accept()
        peer.sendall(b"unread")
        try:
            receive_all(peer)
        except ConnectionResetError:
            return
        raise AssertionError("no reset")

    server = in_child(serve)
    client = socket.create_connection((V4, port))
    while not client.recv(1, socket.MSG_PEEK):
        pass
    truth = ends(client, port)
    client.close()
    reap(server)
    return truth | {"server": server}


def linger():
    """The server, which never reads or writes, closes without a good-bye."""
    listener, port = listen(V4)

    def serve():
        peer, _ = listener.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        peer.close()

    server = in_child(serve)
    client = socket.create_connection((V4, port))
    truth = ends(client, port)
    try:
        client.recv(1)
    except ConnectionResetError:
        pass
    client.close()
    reap(server)
    return truth | {"server": server}


def silent():
    """Taken, never used, and closed in order."""
    listener, port = listen(V4)
    server = in_child(lambda: listener.accept()[0].close())
    client = socket.create_connection((V4, port))
    truth = ends(client, port)
    reap(server)
    client.close()
    return truth | {"server": server}


def unaccepted():
    """Nobody takes it, and the listening socket is closed."""
    listener, port = listen(V4)
    client = socket.create_connection((V4, port))
    truth = ends(client, port)
    listener.close()
    try:
        client.recv(1)
    except ConnectionResetError:
        pass
    client.close()
    return truth


def refused():
    """By a port where nobody listens, of IPv4 and of IPv6."""
    truth = {}
    for address in (V4, V6):
        bound = socket.socket(family_of(address))
        bound.bind((address, 0))
        client = socket.socket(family_of(address))
        truth[address] = client.connect_ex((address, bound.getsockname()[1]))
    return truth | {"port": bound.getsockname()[1]}


def full_listener():
    """Its queue is full, so a further SYN is dropped."""
    listener, port = listen(V4, 0)
    return listener, port, [socket.create_connection((V4, port))]


def timed_out():
    listener, port, waiting = full_listener()
    client = socket.socket()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
    client.setblocking(False)
    client.connect_ex((V4, port))
    return {"retransmits": last_info(client)["retransmits"], "server_port": port,
            "errno": client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)}


def given_up():
    listener, port, waiting = full_listener()
    client = socket.socket()
    client.setblocking(False)
    truth = {"errno": client.connect_ex((V4, port)), "server_port": port,
             "client_port": client.getsockname()[1]}
    client.close()
    return truth


def no_port():
    """There is one port for clients, and it is in use."""
    pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("40000 40000")
    listener = socket.socket()
    listener.bind((V4, 50001))
    listener.listen()
    first = socket.create_connection((V4, 50001))
    return {"errno": socket.socket().connect_ex((V4, 50001)), "first": first.getsockname()[1]}


def unsent():
    """Connects that fail before anything is sent, of IPv4 and IPv6, and one by way of an IPv6 socket."""
    addresses = {"203.0.113.9": 81, "2001:db8::9": 82, "::ffff:203.0.113.9": 83}
    truth = {address: socket.socket(family_of(address)).connect_ex((address, port))
             for address, port in addresses.items()}
    return truth | {"comm": pathlib.Path("/proc/self/comm").read_text().strip()}


def refused_later():
    """The error of a handshake comes with a further call."""
    bound = socket.socket()
    bound.bind((V4, 0))
    client = socket.socket()
    client.setblocking(False)
    address = (V4, bound.getsockname()[1])
    errors = [client.connect_ex(address)]
    wait_until(lambda: info(client)["state"] == TCP_CLOSE)
    errors.append(client.connect_ex(address))
    return {"errors": errors, "port": address[1]}


def unreachable():
    """A neighbour that does not answer."""
    return {"errno": socket.socket().connect_ex(("10.9.0.2", 80))}


def many(count):
    """One after the other, a byte each."""
    listener, port = listen(V4, 4096)

    def serve():
        for _ in range(int(count)):
            peer, _ = listener.accept()
            peer.recv(1)
            peer.close()

    server = in_child(serve)
    for _ in range(int(count)):
        with socket.create_connection((V4, port)) as client:
            client.sendall(b"x")
    reap(server)
    return {"server": server, "server_port": port, "count": int(count)}


def standing():
    """Open until a line comes on standard input; then two bytes more."""
    listener, port = listen(V4)
    client = socket.create_connection((V4, port))
    peer, _ = listener.accept()
    for length in range(1, 400):
        client.sendall(b"s" * length)
        peer.recv(length, socket.MSG_WAITALL)
        peer.sendall(b"t")
        client.recv(1)
    wait_until(lambda: not info(client)["unacknowledged"] and not info(peer)["unacknowledged"])
    print(json.dumps(ends(client, port) | {"pid": os.getpid(), "client": info(client),
                                     "peer": info(peer)}), flush=True)
    sys.stdin.readline()
    client.sendall(b"--")
    peer.recv(2, socket.MSG_WAITALL)
    client.close()
    peer.recv(1)
    peer.close()
    return {}


def main():
    scenario, words = sys.argv[1], sys.argv[2:]
    enter_namespace()
    truth = globals()[scenario](*words)
    truth["pid"] = os.getpid()
    truth["netns"] = os.stat("/proc/self/ns/net").st_ino
    print(json.dumps(truth))


main()
