"""The scenarios in the order they are measured: each stage has proxies of its own."""

import machine
import scenarios
from load import Sample


def usual(bench, running):
    """All proxies run; each scenario has its repetitions one after the other."""
    chosen = [s for s in scenarios.usual() if s.name in bench.args.scenario]
    samples = []
    for scenario in chosen:
        able = [proxy for proxy in running if proxy.name in scenario.proxies]
        for repetition in range(bench.args.pairs):
            samples += bench.run.repetition(scenario, able, repetition)
    return chosen, samples


def connections(bench):
    """A new proxy for each measurement, alone: what it holds in memory is of these connections, and
    the upstream's open files are not taken by connections that another proxy keeps."""
    few, many = measured = scenarios.busy(possible_connections(bench.args.connections))
    memory = scenarios.Scenario(
        "connections-memory", "memory of one of these connections", None, many.proxies, unit="KiB"
    )
    more = many.connections - few.connections
    samples = []
    for repetition in range(bench.args.pairs):
        for name in bench.wanted(many.proxies):
            with bench.standing([name]) as alone:
                before, after = (bench.run.repetition(s, alone, repetition)[0] for s in measured)
            samples += [before, after, memory_of(more, before, after)]
    return [*measured, memory], samples


def memory_of(connections, before, after):
    grown = (after.resident_kib - before.resident_kib) / connections
    return Sample("connections-memory", after.repetition, after.proxy, grown, 0, after.seconds,
                  after.waiting, after.resident_kib)  # fmt: skip


# Of the connections that were asked for.
NEARLY_ALL = 0.95


def possible_connections(wanted):
    """A busy connection takes two open files of its proxy at worst."""
    needed = 2 * wanted + machine.SPARE_FILES
    files = machine.open_files(needed)
    possible = min(wanted, (files - machine.SPARE_FILES) // 2)
    if possible < NEARLY_ALL * wanted:
        raise machine.Problem(
            f"{wanted} connections need {needed} open files, but only {files} are allowed: "
            f"raise the hard limit (ulimit -Hn {needed}), or ask for --connections {possible}"
        )
    if possible < wanted:
        machine.say(f"compare: {possible} connections, for want of open files (ulimit -Hn)")
    return possible


def cores(bench):
    """One thread, then two, on both cores, which the upstream and the load have too."""
    measured = scenarios.threads()
    names = [name for name in ("nginx", "domicile") if name in bench.wanted(["nginx", "domicile"])]
    samples = []
    bench.upstream.process.move(machine.BOTH_CORES)
    bench.run.cores = machine.BOTH_CORES
    for repetition in range(bench.args.pairs):
        for count, scenario in enumerate(measured, 1):
            with bench.standing(names, threads=count, cores=machine.BOTH_CORES) as running:
                samples += bench.run.repetition(scenario, running, repetition)
    bench.upstream.process.move({machine.OTHER_CORE})
    bench.run.cores = {machine.OTHER_CORE}
    return measured, samples
