"""The table and the file."""

import json
import statistics
import time

import load
import machine

VERSIONS = {
    "nginx": ["nginx", "-v"],
    "haproxy": ["haproxy", "-v"],
    "wrk": ["wrk", "-v"],
    "h2load": ["h2load", "--version"],
}


def table(scenarios, proxies, samples):
    lines = [
        "| scenario | proxy | CPU µs a request | min–max | of nginx | min–max | requests/s |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for scenario in scenarios:
        for proxy in proxies:
            lines.append(row(scenario, proxy.name, samples))
    worst = max(sample.waiting for sample in samples)
    lines.append(f"\nMedians of {len(samples) // len(scenarios) // len(proxies)} repetitions. The proxy "
                 f"waited for its core at most {worst:.0%} of the time.")  # fmt: skip
    return "\n".join(lines)


def row(scenario, proxy, samples):
    here = [s for s in samples if s.scenario == scenario.name]
    own = {s.repetition: s for s in here if s.proxy == proxy}
    nginx = {s.repetition: s for s in here if s.proxy == "nginx"}
    cpu = [s.cpu_us for s in own.values()]
    ratio = [s.cpu_us / nginx[repetition].cpu_us for repetition, s in own.items()]
    rate = statistics.median(s.requests / s.seconds for s in own.values())
    return (
        f"| {scenario.title} | {proxy} | {statistics.median(cpu):.1f} | {span(cpu, 1)} "
        f"| {statistics.median(ratio):.2f} | {span(ratio, 2)} | {rate:,.0f} |"
    )


def span(values, digits):
    return f"{min(values):.{digits}f}–{max(values):.{digits}f}"


def versions(binary):
    found = {name: machine.version([machine.find(c[0]), *c[1:]]) for name, c in VERSIONS.items()}
    return {**found, "domicile": machine.version([str(binary), "--version"])}


def write(file, args, binary, samples):
    document = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine.description(),
        "versions": versions(binary),
        "pairs": args.pairs,
        "window_seconds": args.window,
        "nice": args.nice,
        "samples": load.plain(samples),
    }
    file.write_text(json.dumps(document, indent=1) + "\n")
