"""Sessions through a proxy: how much memory they hold, how much CPU their messages take."""

import re
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import machine

# After all sessions stand, or after the talk began: buffers are given back, caches filled.
SETTLING = 4.0
WARM_UP = 1.0

@dataclass
class Memory:
    transport: str
    repetition: int
    proxy: str
    sessions: int
    # Of the idle process, before.
    base_kib: int
    # Resident memory that the sessions added, each.
    kib: float


@dataclass
class Relay:
    transport: str
    repetition: int
    proxy: str
    messages: int
    seconds: float
    per_cpu_second: float
    # Time that the proxy was ready and its core was somebody else's, as a share of the window.
    waiting: float


@dataclass
class Clients:
    processes: machine.Processes
    binary: Path
    app: dict
    # A file with the App's certificate.
    secret: Path
    ca: str

    @contextmanager
    def standing(self, proxy, transport, sessions, *more):
        """So many sessions through the proxy, all logged in."""
        port = proxy.https if transport == "tls" else proxy.http
        command = [
            self.binary, "--to", f"127.0.0.1:{port}", "--sessions", sessions,
            "--app-key", self.app["app_key"], "--app-id", self.app["app_id"],
            "--certificate", self.secret, *more,
        ]  # fmt: skip
        if transport == "tls":
            command += ["--ca", self.ca]
        clients = self.processes.load(command)
        try:
            said = clients.stdout.readline().decode()
            if said != "standing\n":
                raise machine.Problem(f"no sessions through {proxy.name}: {said}{rest(clients)}")
            yield
            if clients.poll() is not None:
                raise machine.Problem(f"sessions through {proxy.name} ended: {rest(clients)}")
        finally:
            clients.kill()
            clients.wait()


def rest(clients):
    try:
        return clients.communicate(timeout=5)[0].decode()
    except subprocess.TimeoutExpired:
        return ""


def memory(clients, start, transport, sessions, repetition):
    """In a process of its own, in which a few sessions have been before."""
    proxy = start()
    with clients.standing(proxy, transport, 64):
        pass
    time.sleep(SETTLING)
    base = proxy.process.resident()
    with clients.standing(proxy, transport, sessions):
        time.sleep(SETTLING)
        full = proxy.process.resident()
    proxy.process.end()
    each = (full - base) / sessions
    return Memory(transport, repetition, proxy.name, sessions, base, each)


def relay(clients, centre, proxy, transport, sessions, window, repetition):
    def look():
        used, waited = proxy.process.times()
        return used, waited, centre.requests(), time.monotonic()

    with clients.standing(proxy, transport, sessions, "--talk"):
        time.sleep(WARM_UP)
        before = look()
        time.sleep(window)
        after = look()
    cpu, waited, messages, seconds = (b - a for a, b in zip(before, after))
    if messages < 1000:
        raise machine.Problem(f"only {messages} messages came through {proxy.name}")
    rate = messages / (cpu / 1e9)
    return Relay(transport, repetition, proxy.name, messages, seconds, rate, waited / 1e9 / seconds)


def inspected_all(proxies, samples):
    """The gateway's own counter: at least as many frames looked at and passed on, as measured."""
    for domicile in (p for p in proxies if p.ops):
        measured = sum(s.messages for s in samples if s.proxy == domicile.name)
        with urllib.request.urlopen(f"http://127.0.0.1:{domicile.ops}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        passed = re.findall(r"^domicile_frames_total\{.*\"passed\".*\} (\d+)$", text, re.MULTILINE)
        if sum(map(int, passed)) < measured:
            raise machine.Problem(f"{passed} frames passed, but {measured} were measured")
