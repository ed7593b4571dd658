"""Many Apps: they are registered by the registry's own code, and then some or all are asked for."""

import time

import gateway
import machine
import scenarios
from servers import FEW, MANY

FEW_APPS = 1000

# How long a gateway may be busy with itself after its start, and how long all Apps may take to be known.
PATIENCE = 1800

# Share of a core below which a gateway is idle.
IDLE = 0.02


def measure(bench, wanted):
    """First the Apps that nobody has asked for, then all of them, known."""
    many = bench.args.apps
    files = {}
    with bench.standing(["nginx"]) as (nginx,):
        first = {FEW_APPS: FEW, many: MANY}
        gateways = {}
        for count in first if "apps" in wanted else [many]:
            files[count] = register(bench, count, first[count])
            gateways[count] = gateway.serve(bench.site, bench.binary, f"apps-{count}", first[count])
            settle(gateways[count])
        measured, samples = [], []
        if "cold" in wanted:
            scenario, samples = cold(bench, [nginx, gateways[many]], files[many])
            measured.append(scenario)
        if "apps" in wanted:
            known = scenarios.many_apps(FEW_APPS, many, files)
            samples += warm(bench, known, nginx, gateways, files)
            measured += known
        for proxy in gateways.values():
            proxy.process.end()
    return measured, samples


def register(bench, count, first):
    """A region of its own with so many Apps; gives the file of requests for them."""
    site, began = bench.site, time.monotonic()
    folder = site.folder / f"apps-{count}"
    upstreams = gateway.rest(site)
    gateway.prepare(bench.binary, folder, "frankfurt", site.base + first, upstreams, site.certificate)
    config, requests = folder / "frankfurt" / "gateway.yaml", folder / "requests"
    command = [bench.programs["compare-apps"], "--config", config, "--apps", count]
    machine.output([*command, "--requests", requests], preexec_fn=machine.on_both_cores)
    machine.say(f"compare: {count:,} Apps registered in {time.monotonic() - began:.0f} s")
    return requests


def settle(proxy):
    """At its first start a gateway counts what its seal key seals."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        used, _ = proxy.process.times()
        time.sleep(1)
        if proxy.process.times()[0] - used < IDLE * 1e9:
            return
    raise machine.Problem("the gateway does not come to rest after its start")


def cold(bench, running, requests):
    scenario, share = scenarios.cold(bench.args.apps, bench.args.pairs, requests)
    samples = []
    for repetition in range(bench.args.pairs):
        before = gateway.metrics(running[-1])
        samples += bench.run.repetition(scenario, running, repetition)
        asked = gateway.metrics(running[-1])[HERE] - before[HERE]
        if asked > share:
            raise machine.Problem(
                f"{asked:.0f} requests for {share} Apps: some were not cold. "
                "Measure fewer pairs, a shorter window, or more --apps"
            )
    return scenario, samples


HERE = 'domicile_registry_lookups_total{result="here"}'


def warm(bench, known, nginx, gateways, files):
    """The three scenarios in each repetition, so that they share its noise."""
    for count, proxy in gateways.items():
        know_all(bench, proxy, files[count], count)
    few, *of_many = known
    samples = []
    for repetition in range(bench.args.pairs):
        samples += bench.run.repetition(few, [nginx, gateways[FEW_APPS]], repetition)
        for scenario in of_many:
            running = [nginx, gateways[bench.args.apps]]
            samples += bench.run.repetition(scenario, running, repetition)
    return samples


def know_all(bench, proxy, requests, count):
    """Asks for each App until the gateway has them all in memory."""
    shot = scenarios.Shot(proxy, bench.call, {}, bench.run.ca, PATIENCE, 0)
    arguments = [requests, 0, count, "walk"]
    command = scenarios.wrk(shot, scenarios.plain(shot), token=False, script="requests.lua",
                            arguments=arguments)  # fmt: skip
    deadline = time.monotonic() + PATIENCE
    walk = bench.site.processes.load(command)
    try:
        while gateway.metrics(proxy)[KNOWN] < count:
            if walk.poll() is not None or time.monotonic() > deadline:
                raise machine.Problem(f"the gateway does not come to know {count} Apps")
            time.sleep(0.5)
    finally:
        walk.kill()
        walk.wait()
    memory = proxy.process.resident() >> 10
    machine.say(f"compare: {count:,} Apps are known, in {memory} MiB")


KNOWN = 'domicile_registry_cache_entries{kind="home"}'
