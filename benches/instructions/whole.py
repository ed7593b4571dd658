"""Whole requests through `domicile serve`, one after the other on one connection."""

import re
import socket
import threading

import callgrind
import gateway
import machine
import servers

# The difference of two loads is counted, so that start, handshake and end are left out.
FEW = 100
MANY = 2_100

ANSWER = (
    "HTTP/1.1 200 OK\r\nServer: data-centre\r\nDate: Fri, 27 Nov 2026 09:00:00 GMT\r\n"
    "Content-Type: application/json\r\nContent-Length: 512\r\nConnection: keep-alive\r\n\r\n"
).encode() + servers.BODY.encode()


def cases(binary, base, folder, processes):
    certificate = servers.certificate(folder)
    centre = DataCentre(base + servers.UPSTREAM)
    # Registers the App; then the gateway starts again, to be counted.
    call, native = gateway.start(base, folder / "domicile", processes, binary, certificate)
    native.process.end()
    config = folder / "domicile" / "frankfurt" / "gateway.yaml"
    command = [binary, "serve", "--cores", "1", "--config", config]
    ports = [native.http, native.https, native.ops]
    server = callgrind.Server(processes, "gateway", command, ports, folder)
    return {
        "request, HTTP/1.1": once(server, centre, call, f"http://localhost:{native.http}", "--h1"),
        "request, HTTP/2 over TLS": once(server, centre, call, f"https://localhost:{native.https}"),
    }


def once(server, centre, call, place, *options):
    """The instructions of one more request."""

    def count(requests):
        return server.during(lambda: load(centre, call, place, requests, options))

    # The first load makes connections to the data centre and fills caches.
    _, few, many = map(count, (FEW, FEW, MANY))
    return (many - few) / (MANY - FEW)


def load(centre, call, place, requests, options):
    before = centre.requests
    authorization = f"Authorization: Bearer {call.token}"
    said = machine.output(
        ["h2load", "-t1", "-c1", "-m1", f"-n{requests}", *options, "-H", authorization, place + call.path],
        timeout=300,
    )
    if not re.search(rf"status codes: {requests} 2xx, 0 3xx, 0 4xx, 0 5xx", said):
        raise machine.Problem(f"not every request was answered well:\n{said}")
    if centre.requests - before < requests:
        raise machine.Problem(f"{centre.requests - before} of {requests} requests came through")


class DataCentre:
    """Answers every request at once and the same way, in one piece."""

    def __init__(self, port):
        self.requests = 0
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        waiting = b""
        with connection:
            while received := connection.recv(65536):
                waiting += received
                while b"\r\n\r\n" in waiting:
                    _, waiting = waiting.split(b"\r\n\r\n", 1)
                    self.requests += 1
                    connection.sendall(ANSWER)
