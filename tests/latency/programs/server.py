# SPDX-License-Identifier: MIT
"""An HTTP/1.1 server of Python's library: `server.py PORT [CERTIFICATE]`, with which it speaks TLS.

/wait/MS... answers after so long, /status/N with that status, /chunks in parts, anything else at once.
At the end of its input it prints the microseconds that each /wait took by its own clock.
"""
import http.server
import ssl
import sys
import threading
import time

TOOK = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        words = self.path.split("/")
        began = time.perf_counter()
        if words[1] == "wait":
            time.sleep(float(words[2]) / 1000)
            TOOK.append((time.perf_counter() - began) * 1e6)
        if words[1] == "chunks":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for _ in range(3):
                self.wfile.write(b"5\r\nhello\r\n")
                time.sleep(0.01)
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.answer(int(words[2]) if words[1] == "status" else 200, b"hello")

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, b"taken")


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.daemon_threads = True
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.readline()
print(" ".join(str(int(one)) for one in sorted(TOOK)))
