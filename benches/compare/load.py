"""The measuring: a proxy under load, what it used and what came through."""

import re
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import gateway
import machine
from scenarios import Shot

# After the window, so that the load is still on when it closes.
TAIL = 0.5

# Requests that mean nothing: too few to measure, or the gateway asking whether the upstream is well.
FEW = 50


@dataclass
class Sample:
    scenario: str
    repetition: int
    proxy: str
    # CPU microseconds a request, or what the scenario's unit says.
    value: float
    requests: int
    seconds: float
    # Time that the proxy was ready and its core was somebody else's, as a share of the window.
    waiting: float
    # Of the proxy, at the end.
    resident_kib: int


@dataclass
class Look:
    """Counters at one moment."""

    used: int
    waited: int
    requests: int
    at: float

    def __sub__(self, earlier):
        return Look(*(getattr(self, f) - getattr(earlier, f) for f in self.__dict__))


@dataclass
class Run:
    processes: machine.Processes
    upstream: object
    call: object
    programs: dict
    ca: str
    window: float
    # Of the load generator.
    cores: set

    def repetition(self, scenario, proxies, repetition):
        """Every proxy once, one after the other, so that they share the machine's noise."""
        here = [self.sample(scenario, proxy, repetition) for proxy in proxies]
        costs = ", ".join(f"{s.proxy} {s.value:.1f}" for s in here)
        machine.say(f"compare: {scenario.name} {repetition + 1}: {costs}")
        return here

    def sample(self, scenario, proxy, repetition):
        seconds = round(scenario.warm_up + self.window + TAIL + 0.5)
        command = scenario.command(Shot(proxy, self.call, self.programs, self.ca, seconds, repetition))
        with self.counted_by_gateway(scenario, proxy) as counted:
            under = self.whole if scenario.counted_by == "generator" else self.inside
            passed, resident, said = under(scenario, proxy, command)
            counted.append(passed.requests)
        told(scenario, proxy, passed, said)
        return Sample(
            scenario.name, repetition, proxy.name, passed.used / 1000 / passed.requests,
            passed.requests, passed.at, passed.waited / 1e9 / passed.at, resident,
        )  # fmt: skip

    def inside(self, scenario, proxy, command):
        """What went up inside a window under load, by the upstream's count."""
        generator = self.processes.load(command, self.cores)
        try:
            time.sleep(scenario.warm_up)
            before = self.look(proxy)
            time.sleep(self.window)
            passed = self.look(proxy) - before
            resident = proxy.process.resident()
            ended_early = generator.poll() is not None
            said = generator.communicate(timeout=60)[0].decode()
        finally:
            generator.kill()
            generator.wait()
        if ended_early:
            raise machine.Problem(f"{command[0]} ended early:\n{said}")
        return passed, resident, said

    def whole(self, _scenario, proxy, command):
        """What went up from the load's beginning to its end, by the generator's count."""
        before = self.look(proxy)
        generator = self.processes.load(command, self.cores)
        try:
            said = generator.communicate(timeout=60 + 2 * self.window)[0].decode()
        finally:
            generator.kill()
            generator.wait()
        passed = self.look(proxy) - before
        if passed.requests > FEW:
            raise machine.Problem(f"{passed.requests} requests came through {proxy.name}")
        counted = re.search(r"(\d+) requests in", said)
        if not counted:
            raise machine.Problem(f"{command[0]} failed:\n{said}")
        passed.requests = int(counted[1])
        return passed, proxy.process.resident(), said

    def look(self, proxy):
        used, waited = proxy.process.times()
        return Look(used, waited, self.upstream.requests(), time.monotonic())

    @contextmanager
    def counted_by_gateway(self, scenario, proxy):
        """The gateway's own counters must have grown by at least what was measured."""
        before = gateway.metrics(proxy) if proxy.ops else {}
        counted = []
        yield counted
        after = gateway.metrics(proxy) if proxy.ops else {}
        for series in scenario.series if proxy.ops else ():
            grown = after.get(series, 0) - before.get(series, 0)
            if grown < counted[0]:
                raise machine.Problem(f"{series} grew by {grown}, but {counted[0]} were measured")


def told(scenario, proxy, passed, said):
    """What the load generator says, and how much came."""
    wanted = re.search(scenario.required, said)
    if not wanted or re.search(scenario.refused, said):
        raise machine.Problem(f"{proxy.name} did not answer {scenario.name} well:\n{said}")
    if wanted.lastindex and int(wanted[1]) != passed.requests:
        raise machine.Problem(f"of {passed.requests} requests, {proxy.name} refused {wanted[1]}")
    if passed.requests < FEW:
        raise machine.Problem(f"only {passed.requests} requests came through {proxy.name}:\n{said}")
    if scenario.rate and passed.requests / passed.at < 0.95 * scenario.rate:
        rate = passed.requests / passed.at
        raise machine.Problem(f"{proxy.name} got {rate:.0f} requests/s, not {scenario.rate}")


def plain(samples):
    return [asdict(sample) for sample in samples]
