"""The load, and the measuring."""

import re
import subprocess
import time
from dataclasses import asdict, dataclass
from typing import Callable

import machine

# Before the window opens: connections are made, caches filled.
WARM_UP = 1.0

# After it, so that the load is still on when the window closes.
TAIL = 0.5


@dataclass
class Scenario:
    name: str
    title: str
    command: Callable
    is_tls: bool
    # What the load generator must have said, and must not.
    required: str
    refused: str


@dataclass
class Sample:
    scenario: str
    repetition: int
    proxy: str
    requests: int
    seconds: float
    cpu_us: float
    # Time that the proxy was ready and its core was somebody else's, as a share of the window.
    waiting: float


def wrk(base):
    def command(proxy, call, seconds):
        port = proxy.https if base == "https" else proxy.http
        return [
            "wrk", "-t1", "-c64", f"-d{seconds:.0f}s",
            "-H", f"Authorization: Bearer {call.token}",
            f"{base}://localhost:{port}{call.path}",
        ]  # fmt: skip

    return command


def h2load(proxy, call, seconds):
    return [
        "h2load", "-t1", "-c8", "-m8", f"-D{seconds:.0f}",
        "-H", f"Authorization: Bearer {call.token}",
        f"https://localhost:{proxy.https}{call.path}",
    ]  # fmt: skip


WRK_FAILED = r"Non-2xx|Socket errors: connect [^0]"
SCENARIOS = [
    Scenario("http1", "HTTP/1.1 keep-alive, 64 connections", wrk("http"), False,
             r"requests in", WRK_FAILED),
    Scenario("tls", "HTTP/1.1 over TLS 1.3, 64 connections", wrk("https"), True,
             r"requests in", WRK_FAILED),
    Scenario("http2", "HTTP/2 over TLS 1.3, 8 connections with 8 streams", h2load, True,
             r"Application protocol: h2\n", r"status codes: .* [1-9]\d* [345]xx"),
]  # fmt: skip


def measure(scenarios, proxies, call, upstream, pairs, window):
    """Each repetition has every proxy once, one after the other, so that they share its noise."""
    samples = []
    for scenario in scenarios:
        for repetition in range(pairs):
            line = []
            for proxy in proxies:
                sample = once(scenario, proxy, call, upstream, window, repetition)
                samples.append(sample)
                line.append(f"{proxy.name} {sample.cpu_us:.1f}")
            machine.say(f"compare: {scenario.name} {repetition + 1}/{pairs}: {', '.join(line)}")
    return samples


def once(scenario, proxy, call, upstream, window, repetition):
    command = scenario.command(proxy, call, WARM_UP + window + TAIL + 0.5)
    generator = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        time.sleep(WARM_UP)
        before = look(proxy, upstream)
        time.sleep(window)
        after = look(proxy, upstream)
        if generator.poll() is not None:
            raise machine.Problem(f"{command[0]} ended early: {generator.stdout.read()}")
        said, _ = generator.communicate(timeout=30)
    finally:
        generator.kill()
        generator.wait()
    if not re.search(scenario.required, said) or re.search(scenario.refused, said):
        raise machine.Problem(f"{proxy.name} did not answer well:\n{said}")
    cpu, waited, requests, seconds = (b - a for a, b in zip(before, after))
    if requests < 100:
        raise machine.Problem(f"only {requests} requests came through {proxy.name}:\n{said}")
    return Sample(
        scenario.name, repetition, proxy.name, requests, seconds,
        cpu / 1000 / requests, waited / 1e9 / seconds,
    )  # fmt: skip


def look(proxy, upstream):
    used, waited = proxy.process.times()
    return used, waited, upstream.requests(), time.monotonic()


def plain(samples):
    return [asdict(sample) for sample in samples]
