"""Whole requests through `domicile serve`, one after the other on one connection."""

import re
import socket
import threading
import time

import callgrind
import gateway
import machine
import servers

# A load of few requests is taken from one of many, so that handshake and end are left out. Each is
# repeated: timers add to some of them, more on a busy machine, so the least counts.
FEW = 50
MANY = 1050
TIMES = 4

# How long the gateway is watched while nobody asks it anything, in seconds.
IDLE = 4

ANSWER = (
    "HTTP/1.1 200 OK\r\nServer: data-centre\r\nDate: Fri, 27 Nov 2026 09:00:00 GMT\r\n"
    "Content-Type: application/json\r\nContent-Length: 512\r\nConnection: keep-alive\r\n\r\n"
).encode() + servers.BODY.encode()


def cases(binary, base, folder, processes):
    site = servers.Site(base, folder, processes, servers.certificate(folder))
    centre = DataCentre(base + servers.UPSTREAM)
    call = gateway.register_apps(site, binary, gateway.rest(site))
    config = folder / "domicile" / "frankfurt" / "gateway.yaml"
    command = [binary, "serve", "--cores", "1", "--config", config]
    plain, tls, *_ = ports = [base + servers.DOMICILE + n for n in range(4)]
    server = callgrind.Server(processes, "gateway", command, ports, folder)
    # It listens before it has done all that it does at its start.
    load(centre, call, f"http://localhost:{plain}", FEW, ["--h1"])
    server.since()
    idle, seconds = server.during(lambda: time.sleep(IDLE))
    a_second = {thread: count / seconds for thread, count in idle.items()}

    def once(place, *options):
        return request(server, a_second, lambda number: load(centre, call, place, number, options))

    return {
        "request, HTTP/1.1": once(f"http://localhost:{plain}", "--h1"),
        "request, HTTP/2 over TLS": once(f"https://localhost:{tls}"),
    }


def request(server, a_second, load):
    """The instructions of one more request: on the thread that serves it, and on the others what
    they do beyond their idling."""
    # Connections to the data centre are made, and caches fill.
    server.during(lambda: load(FEW))
    loads = [FEW, MANY] * TIMES
    counted = [server.during(lambda: load(number)) for number in loads]
    serving = max(a_second, key=lambda thread: sum(count[thread] for count, _ in counted))
    few, many = (min(count[serving] for count, _ in counted[first::2]) for first in (0, 1))
    beyond = 0
    for count, seconds in counted:
        beyond += sum(count[t] - a_second.get(t, 0) * seconds for t in count if t != serving)
    return (many - few) / (MANY - FEW) + max(beyond, 0) / sum(loads)


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
