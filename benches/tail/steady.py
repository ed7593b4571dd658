"""What a proxy adds to the time of a call while it has half as much to do as the slowest one can."""

import statistics
import time
from dataclasses import asdict, dataclass

import generator
import machine
import rate as rates
from generator import Target
from report import span

CONNECTIONS = 64
WARM_UP = 1.0
# While the rate is looked for, and how long it is looked at.
BRIEF, LOOK = 0.25, 0.5
QUANTILES = ["p50", "p99", "p99.9"]

# A figure of which the generator's own lag at the same quantile is more than this is marked.
OWN_SHARE = 0.25

TITLES = {"http1": "HTTP/1.1", "tls": "HTTP/1.1 over TLS 1.3"}


@dataclass
class Sample:
    scenario: str
    repetition: int
    proxy: str
    rate: float
    # Microseconds, by quantile: from when a call was due to its answer's end, and to when it was sent.
    time: dict
    lag: dict
    requests: int
    failures: int
    unanswered: int
    # Of its core; and how long it was ready and its core was somebody else's.
    busy: float
    waiting: float
    # Why it was not measured at that rate.
    fault: str | None = None


class Steady:
    def __init__(self, generators, proxies, call, window):
        self.generators, self.proxies = generators, proxies
        self.lines = [generator.call(call.path, call.token)]
        self.window = window
        # Calls a second that came through each when as many as possible were sent, by scenario.
        self.most = {}

    def target(self, scenario, proxy):
        is_tls = scenario == "tls"
        return Target(proxy.https if is_tls else proxy.http, is_tls)

    def half(self, scenario):
        """Half of what comes through the slowest: the same rate for all is what can be compared."""
        most = {proxy.name: self.most_through(scenario, proxy) for proxy in self.proxies}
        told = ", ".join(f"{name} {rate:,.0f}/s" for name, rate in most.items())
        rate = rates.half(most.values())
        machine.say(f"tail: {scenario} at most, at a constant rate: {told}; measured at {rate:,.0f}/s")
        self.most[scenario] = most
        return rate

    def most_through(self, scenario, proxy):
        """The most that comes through at a constant rate. The generator takes its core from the upstream,
        and the more so the more often it has to wake up: with a call under way on each connection all the
        time much more comes through."""
        target = self.target(scenario, proxy)

        def fault_at(rate):
            look = lambda: rates.fault(self.look(target, rate), rate)
            # Something else may have had the core for once.
            return look() and look()

        figures = self.look(target)
        must_be_good(proxy, figures)
        most, why = rates.highest(figures["requests"] / figures["seconds"], fault_at)
        if not most:
            raise machine.Problem(
                f"{scenario} through {proxy.name}: no rate can be kept here, not even a low one: {why}. "
                "As root the generator goes before what else runs; --rate N measures at that rate"
            )
        return most

    def look(self, target, rate=None):
        with self.generators.run(target, self.lines, rate, CONNECTIONS) as load:
            return load.measured(BRIEF, LOOK)

    def measure(self, scenario, rate, pairs):
        """Each repetition has every proxy once, one after the other."""
        samples = []
        for repetition in range(pairs):
            # Whoever comes first after a pause would always be the same.
            turn = repetition % len(self.proxies)
            order = self.proxies[turn:] + self.proxies[:turn]
            here = [self.sample(scenario, proxy, rate, repetition) for proxy in order]
            samples += here
            told = ", ".join(f"{s.proxy} {s.time['p99']:.0f}" for s in here)
            machine.say(f"tail: {scenario} {repetition + 1}/{pairs}, p99 µs: {told}")
            for sample in here:
                if sample.fault:
                    machine.say(f"tail: {sample.proxy}: {rate:,.0f}/s was not kept: {sample.fault}")
        return samples

    def sample(self, scenario, proxy, rate, repetition):
        target = self.target(scenario, proxy)
        with self.generators.run(target, self.lines, rate, CONNECTIONS) as load:
            load.begin("warm-up")
            time.sleep(WARM_UP)
            before = *proxy.process.times(), time.monotonic_ns()
            load.begin("measured")
            time.sleep(self.window)
            after = *proxy.process.times(), time.monotonic_ns()
            figures = load.end()[-1]
        must_be_good(proxy, figures)
        used, waited, elapsed = (b - a for a, b in zip(before, after))
        return Sample(
            scenario, repetition, proxy.name, rate, figures["time"], figures["lag"],
            figures["requests"], figures["failures"], figures["unanswered"],
            used / elapsed, waited / elapsed, rates.fault(figures, rate),
        )  # fmt: skip


def must_be_good(proxy, figures):
    bad = figures["failures"] + figures["unanswered"]
    if bad or not figures["requests"]:
        raise machine.Problem(f"{proxy.name}: {bad} of {figures['requests']} failed: {figures}")


def table(samples):
    lines = [
        "| calls | through | p50 µs | p99 µs | p99.9 µs | adds at p50 | min–max | at p99 | min–max "
        "| at p99.9 | min–max | of its core |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for scenario, proxy in dict.fromkeys((s.scenario, s.proxy) for s in in_order(samples)):
        lines.append(row(scenario, proxy, samples))
    worst = max(sample.waiting for sample in samples)
    lag = statistics.median(sample.lag["p99.9"] for sample in samples)
    marked = "; figures with * are no better than that" if any("*" in line for line in lines) else ""
    lines.append(
        f"\nMedians of {1 + max(s.repetition for s in samples)} repetitions. A proxy waited for its core at "
        f"most {worst:.0%} of the time. The generator was late by {lag:.0f} µs at p99.9{marked}."
        f"{rates.told(sample.fault for sample in samples)}"
    )
    return "\n".join(lines)


def in_order(samples):
    places = ["direct", "nginx", "haproxy", "domicile"]
    return sorted(samples, key=lambda s: (list(TITLES).index(s.scenario), places.index(s.proxy)))


def row(scenario, proxy, samples):
    here = [s for s in samples if s.scenario == scenario]
    own = {s.repetition: s for s in here if s.proxy == proxy}
    direct = {s.repetition: s for s in here if s.proxy == "direct"}
    mark = rates.MARK if rates.are_marked([s.fault for s in own.values()]) else ""
    cells = [f"{TITLES[scenario]}, {own[0].rate:,.0f}/s", f"{proxy}{mark}"]
    cells += [absolute(own.values(), quantile) for quantile in QUANTILES]
    for quantile in QUANTILES:
        adds = [s.time[quantile] - direct[n].time[quantile] for n, s in own.items()]
        cells += ["", ""] if proxy == "direct" else [f"{statistics.median(adds):.0f}", span(adds, 0)]
    cells.append(f"{statistics.median(s.busy for s in own.values()):.0%}")
    return f"| {' | '.join(cells)} |"


def absolute(samples, quantile):
    time = statistics.median(s.time[quantile] for s in samples)
    lag = statistics.median(s.lag[quantile] for s in samples)
    return f"{time:.0f}{'*' if lag > OWN_SHARE * time else ''}"


def plain(samples):
    return [asdict(sample) for sample in samples]
