"""The load, and the measuring."""

import re
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


@dataclass
class Run:
    processes: machine.Processes
    upstream: object
    call: object
    window: float

    def measure(self, scenarios, proxies, pairs):
        """Each repetition has every proxy once, one after the other, so that they share its noise."""
        samples = []
        for scenario in scenarios:
            for repetition in range(pairs):
                here = [self.sample(scenario, proxy, repetition) for proxy in proxies]
                samples += here
                costs = ", ".join(f"{s.proxy} {s.cpu_us:.1f}" for s in here)
                machine.say(f"compare: {scenario.name} {repetition + 1}/{pairs}: {costs}")
        return samples

    def sample(self, scenario, proxy, repetition):
        command = scenario.command(proxy, self.call, WARM_UP + self.window + TAIL + 0.5)
        (cpu, waited, requests, seconds), said = self.under_load(command, proxy)
        if not re.search(scenario.required, said) or re.search(scenario.refused, said):
            raise machine.Problem(f"{proxy.name} did not answer well:\n{said}")
        if requests < 100:
            raise machine.Problem(f"only {requests} requests came through {proxy.name}:\n{said}")
        return Sample(
            scenario.name, repetition, proxy.name, requests, seconds,
            cpu / 1000 / requests, waited / 1e9 / seconds,
        )  # fmt: skip

    def under_load(self, command, proxy):
        """What went up inside the window, and what the load generator said in the end."""
        generator = self.processes.load(command)
        try:
            time.sleep(WARM_UP)
            before = self.look(proxy)
            time.sleep(self.window)
            after = self.look(proxy)
            ended_early = generator.poll() is not None
            said = generator.communicate(timeout=30)[0].decode()
        finally:
            generator.kill()
            generator.wait()
        if ended_early:
            raise machine.Problem(f"{command[0]} ended early:\n{said}")
        return [b - a for a, b in zip(before, after)], said

    def look(self, proxy):
        used, waited = proxy.process.times()
        return used, waited, self.upstream.requests(), time.monotonic()


def plain(samples):
    return [asdict(sample) for sample in samples]
