"""What calls wait for while something happens to the gateway."""

import json
import re
import signal
import ssl
import statistics
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field

import generator
import machine
import places
import rate as rates
from generator import Target

NAMES = ["nothing", "reload", "certificate", "apps", "refusals", "sessions", "etcd"]

CONNECTIONS = 64

# A phase begins so long before its event, so that calls that wait for it from the start are in it.
BEFORE = 0.1
# Between a repetition's event and what comes next.
REST = 1.5
WARM_UP = 2.0
SLOT = 10

# Apps that are known when the registry goes away.
KNOWN = 256

# Seconds from a phase's begin to its end, at least.
WINDOW = 1.0

# The generator is to blame for a pause of which its own lag is more than this.
OWN_SHARE = 0.5


@dataclass
class Sample:
    event: str
    repetition: int
    seconds: float
    # Microseconds: the longest that a call waited, and p99.9; of the generator's own lag the longest.
    longest: float
    p999: float
    lag: float
    requests: int
    failures: int
    unanswered: int
    # The same over as long a time without an event; and why that was not at the rate.
    quiet: dict
    # What else was seen.
    seen: dict = field(default_factory=dict)
    slots: dict | None = None


class Events:
    """All of them, under the same load."""

    def __init__(self, stage, rate, pairs, sessions, files):
        self.stage, self.rate, self.pairs = stage, rate, pairs
        # So many are wanted, and so many files may be open.
        self.wanted = sessions, files

    def run(self, names):
        samples = []
        for name in names:
            here = getattr(self, name)()
            for sample in here:
                machine.say(
                    f"tail: {sample.event} {sample.repetition + 1}/{self.pairs}: longest "
                    f"{sample.longest / 1000:.1f} ms, without {sample.quiet['longest'] / 1000:.1f} ms"
                )
                if sample.quiet["fault"]:
                    machine.say(f"tail: {self.rate:,.0f}/s was not kept without it: {sample.quiet['fault']}")
            samples += here
        return samples

    def nothing(self):
        """Nothing happens: what the gateway's own ticks and this machine do."""
        return self.under_load([("nothing", WINDOW, lambda: {})], Load(self))

    def reload(self):
        domicile = self.stage.domicile()
        config = self.stage.home / "frankfurt" / "gateway.yaml"

        def change():
            text = config.read_text()
            limit = int(re.search(r"connections_per_address: (\d+)", text).group(1))
            other = limit - 1 if limit % 2 else limit + 1
            changed = config.with_suffix(".changed")
            changed.write_text(text.replace(f"address: {limit}", f"address: {other}"))
            return changed, reloads(domicile)

        def happen(prepared):
            changed, before = prepared
            # At once: each second the gateway looks at its files itself, and what it has seen twice
            # it takes without being told. The signal would have it read them again.
            put = time.monotonic()
            changed.rename(config)
            domicile.process.popen.send_signal(signal.SIGHUP)
            between = time.monotonic() - put
            return {"reloads": lambda: reloads(domicile) - before, "signal_after": lambda: between}

        load = Load(self, sides=[fresh(self, False)])
        samples = self.under_load([("reload", WINDOW, happen, change)], load)
        return must_have(samples, "reloads", 1, not_once)

    def certificate(self):
        """It is taken when the files have changed and were the same for two looks, 0.5 s apart."""
        domicile = self.stage.domicile()
        served = lambda: ssl.get_server_certificate(("localhost", domicile.https))

        def change():
            return places.renew(self.stage.folder, self.stage.certificate), served()

        def happen(prepared):
            put, before = prepared
            put()
            return {"renewed": lambda: int(served() != before)}

        load = Load(self, is_tls=True, sides=[fresh(self, True)])
        length = max(WINDOW, 1.8)
        samples = self.under_load([("certificate", length, happen, change)], load)
        return must_have(samples, "renewed", 1)

    def apps(self):
        """100 a second are registered by an administrator, then as many retired."""
        stage = self.stage
        stage.domicile()
        admin, key = Target(stage.admin().port, True), stage.admin().key
        # Names that no earlier run has used.
        series = f"{int(time.time()):08x}"
        app = f"7a11{series}000000000000{{n}}"
        fields = {"app_id": app, "org": "tail", "app": f"{series}-{{n}}", "region": "frankfurt"}
        registers = [generator.call("/v1/apps", key, "POST", json.dumps(fields))]
        retires = [generator.call(f"/v1/apps/{app}", key, "DELETE")]
        sides = [
            Side(admin, registers, 100, 16, expect=(201,), during="Apps registered"),
            # The same numbers, or one more.
            Side(admin, retires, 100, 16, expect=(200, 404), during="Apps retired"),
        ]
        length = max(WINDOW, 2.0)
        steps = [(side.during, length, lambda: {}) for side in sides]
        return self.under_load(steps, Load(self, sides=sides))

    def refusals(self):
        """1,000 calls a second that are refused, of which the audit log is told."""
        domicile = self.stage.domicile()
        call = self.stage.call
        lines = [generator.call(call.foreign_path, call.token), generator.call(call.path, None)]
        target = Target(domicile.http, False)
        side = Side(target, lines, 1000, 16, expect=(401, 421), during="refusals")
        load = Load(self, sides=[side])
        return self.under_load([("refusals", max(WINDOW, 2.0), lambda: {})], load)

    def sessions(self):
        """All end at once and come again, each with a whole TLS handshake and a log-in."""
        with self.stage.sessions(*self.wanted) as (sessions, count):

            def happen():
                begun = time.monotonic()
                in_vain = sessions.again()
                return {"seconds": time.monotonic() - begun, "tries_in_vain": in_vain, "sessions": count}

            return self.under_load([("sessions", max(WINDOW, 2.0), happen)], Load(self))

    def etcd(self):
        """The registry does not answer, comes back, dies, comes back."""
        with self.stage.in_etcd(KNOWN) as (domicile, etcd, known):
            unknown = [generator.call("/compare/nobody-{n}/users/u7k2m9", self.stage.call.token)]
            side = Side(Target(domicile.http, False), unknown, 20, 256, expect=(404, 503))
            stop, back = (lambda s=s: etcd.signal(s) or {} for s in (signal.SIGSTOP, signal.SIGCONT))
            length = max(WINDOW, 3.0)
            steps = [
                ("etcd stopped", length, stop), ("etcd goes on", length, back),
                ("etcd killed", length, lambda: etcd.kill() or {}),
                ("etcd started again", length, lambda: etcd.start() or {}),
            ]  # fmt: skip
            lines = [generator.call(path, token) for path, token in known]
            return self.under_load(steps, Load(self, lines=lines, sides=[side]))

    def under_load(self, steps, load):
        """Each repetition: nothing, then each step, with a rest after the last."""
        with load:
            load.begin("warm-up")
            time.sleep(WARM_UP)
            seen = [self.repetition(steps, load) for _ in range(self.pairs)]
            main, beside = load.end()
        return gathered(steps, seen, main, beside, self.rate)

    def repetition(self, steps, load):
        all_seen = []
        load.begin("quiet")
        time.sleep(max(step[1] for step in steps))
        for name, length, happen, *change in steps:
            prepared = [change() for change in change]
            load.begin(name)
            time.sleep(BEFORE)
            end = time.monotonic() + length - BEFORE
            seen = happen(*prepared)
            time.sleep(max(end - time.monotonic(), 0))
            if callable(next(iter(seen.values()), None)):
                load.begin("looking")
                seen = {what: look() for what, look in seen.items()}
            all_seen.append(seen)
        load.begin("rest")
        time.sleep(REST)
        return all_seen


@dataclass
class Side:
    """Calls beside the load."""

    target: Target
    lines: list
    rate: float
    connections: int
    expect: tuple = (200,)
    fresh: bool = False
    # Only in phases of this name.
    during: str | None = None


def fresh(events, is_tls):
    """50 new connections a second."""
    domicile = events.stage.domicile()
    target = Target(domicile.https if is_tls else domicile.http, is_tls)
    line = generator.call(events.stage.call.path, events.stage.call.token)
    return Side(target, [line], 50, 16, fresh=True)


class Load:
    """The calls that are measured, and those beside."""

    def __init__(self, events, is_tls=False, lines=None, sides=()):
        stage = events.stage
        domicile = stage.domicile()
        self.generators, self.rate = stage.generators, events.rate
        self.target = Target(domicile.https if is_tls else domicile.http, is_tls)
        self.lines = lines or [generator.call(stage.call.path, stage.call.token)]
        self.sides = sides

    def __enter__(self):
        self.stack = ExitStack()
        run = lambda *given, **more: self.stack.enter_context(self.generators.run(*given, **more))
        self.main = run(self.target, self.lines, self.rate, CONNECTIONS, slot=SLOT)
        self.beside = [
            # Not before everything else: the measured calls are.
            run(s.target, s.lines, s.rate, s.connections, s.expect, s.fresh, None, s.during, False)
            for s in self.sides
        ]
        return self

    def __exit__(self, *given):
        return self.stack.__exit__(*given)

    def begin(self, phase):
        for load in (self.main, *self.beside):
            load.begin(phase)

    def end(self):
        return self.main.end(), [load.end() for load in self.beside]


def gathered(steps, seen, main, beside, rate):
    """A sample for each step of each repetition."""
    names = [step[0] for step in steps]
    samples, quiet, repetition, step = [], None, -1, 0
    for at, phase in enumerate(main):
        if phase["name"] == "quiet":
            quiet, repetition, step = phase, repetition + 1, 0
        elif phase["name"] in names:
            more = dict(seen[repetition][step])
            for load in beside:
                side = load[at]
                if not side["requests"]:
                    continue
                more.setdefault("beside", []).append(
                    {"statuses": side["statuses"], "failures": side["failures"],
                     "unanswered": side["unanswered"], "time": side["time"],
                     "quiet": load[main.index(quiet)]["time"]}
                )  # fmt: skip
            samples.append(sample(phase, quiet, repetition, more, rate))
            step += 1
    return samples


def sample(phase, quiet, repetition, seen, rate):
    return Sample(
        phase["name"], repetition, phase["seconds"], phase["time"]["max"], phase["time"]["p99.9"],
        phase["lag"]["max"], phase["requests"], phase["failures"], phase["unanswered"],
        {"seconds": quiet["seconds"], "longest": quiet["time"]["max"], "p999": quiet["time"]["p99.9"],
         "lag": quiet["lag"]["max"], "fault": rates.fault(quiet, rate)},
        seen, phase["slots"],
    )  # fmt: skip


def must_have(samples, what, count, why=lambda sample: ""):
    for sample in samples:
        if sample.seen[what] != count:
            raise machine.Problem(
                f"{sample.event}: {what} is {sample.seen[what]}, not {count}{why(sample)}"
            )
    return samples


def not_once(sample):
    """What it means of a reload."""
    if not sample.seen["reloads"]:
        return f": in {sample.seconds:.1f} s the gateway did not come to it"
    return (
        f": the signal was sent {sample.seen['signal_after'] * 1000:.0f} ms after the file was changed, and "
        "before it was heard the gateway had seen the change twice, a second apart, and taken it by itself. "
        "Something, or somebody, waited so long for a core: choose a lower --rate"
    )


def reloads(domicile):
    with urllib.request.urlopen(f"http://127.0.0.1:{domicile.ops}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = re.search(r'^domicile_config_reloads_total\{result="ok"\} (\d+)', text, re.MULTILINE)
    return int(found.group(1)) if found else 0


def table(samples):
    lines = [
        "| event | longest pause, ms | min–max | without it, ms | min–max | p99.9, ms | without it, ms "
        "| failed | beside |",
        "|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for event in dict.fromkeys(sample.event for sample in samples):
        lines.append(row([sample for sample in samples if sample.event == event]))
    count = 1 + max(sample.repetition for sample in samples)
    marked = ("; in those with * more than half of it was its own lag"
              if any("*" in line for line in lines) else "")  # fmt: skip
    lines.append(
        f"\nMedians of {count} repetitions of the longest time that the generator saw{marked}."
        f"{rates.told(sample.quiet['fault'] for sample in samples)}"
    )
    return "\n".join(lines)


def row(samples):
    longest = [s.longest / 1000 for s in samples]
    quiet = [s.quiet["longest"] / 1000 for s in samples]
    own = sum(s.lag > OWN_SHARE * s.longest for s in samples) * 2 > len(samples)
    mark = rates.MARK if rates.are_marked([s.quiet["fault"] for s in samples]) else ""
    cells = [
        f"{samples[0].event}{mark}", f"{statistics.median(longest):.1f}{'*' if own else ''}", spread(longest),
        f"{statistics.median(quiet):.1f}", spread(quiet),
        f"{statistics.median(s.p999 for s in samples) / 1000:.1f}",
        f"{statistics.median(s.quiet['p999'] for s in samples) / 1000:.1f}",
        str(sum(s.failures + s.unanswered for s in samples)), beside(samples),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def spread(values):
    return f"{min(values):.1f}–{max(values):.1f}"


def beside(samples):
    """What else was seen, in words."""
    words = []
    if "sessions" in samples[0].seen:
        seconds = statistics.median(s.seen["seconds"] for s in samples)
        vain = statistics.median(s.seen["tries_in_vain"] for s in samples)
        words.append(f"{samples[0].seen['sessions']:,} sessions stand again after {seconds:.1f} s, "
                     f"{vain:,.0f} tries in vain")  # fmt: skip
    for n in range(len(samples[0].seen.get("beside", []))):
        here = [s.seen["beside"][n] for s in samples]
        counts = {}
        for status, count in (pair for side in here for pair in side["statuses"].items()):
            counts[status] = counts.get(status, 0) + count
        told = ", ".join(f"{count} × {status}" for status, count in sorted(counts.items()))
        median, worst = (statistics.median(side["time"][q] for side in here) for q in ("p50", "max"))
        lost = sum(side["failures"] + side["unanswered"] for side in here)
        words.append(f"{told}{f', {lost} failed' if lost else ''}: p50 {median / 1000:.1f} ms, "
                     f"longest {worst / 1000:.0f} ms")  # fmt: skip
    return "; ".join(words)


def plain(samples):
    return [asdict(sample) for sample in samples]
