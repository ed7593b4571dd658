"""The table and the file."""

import json
import statistics
import time

import goals
import load
import machine

VERSIONS = {
    "nginx": ["nginx", "-v"],
    "haproxy": ["haproxy", "-v"],
    "wrk": ["wrk", "-v"],
    "h2load": ["h2load", "--version"],
}

# Below so many there is no median to speak of.
ENOUGH = 7


def table(scenarios, samples):
    lines = [
        "| scenario | proxy | CPU µs a request | min–max | of nginx | min–max | of the relay | requests/s | goal |",
        "|---|---|--:|--:|--:|--:|--:|--:|---|",
    ]  # fmt: skip
    for scenario in scenarios:
        lines += [row(scenario, proxy, samples) for proxy in scenario.proxies
                  if goals.figures(samples, scenario.name, proxy)]  # fmt: skip
    return "\n".join([*lines, "", notes(samples)])


def row(scenario, proxy, samples):
    here = [s for s in samples if (s.scenario, s.proxy) == (scenario.name, proxy)]
    values = [sample.value for sample in here]
    digits = 2 if scenario.unit == "µs" and statistics.median(values) < 10 else 1
    unit = "" if scenario.unit == "µs" else f" {scenario.unit}"
    rates = [s.requests / s.seconds for s in here if s.requests]
    of_nginx = goals.ratios(samples, scenario.name, proxy, "nginx")
    # The relay holds next to nothing: of its memory there is nothing to say.
    of_relay = goals.ratios(samples, scenario.name, proxy, "relay") if not unit else []
    verdict = goals.verdict(scenario, samples) if proxy == "domicile" else None
    cells = [
        scenario.title,
        proxy,
        f"{statistics.median(values):.{digits}f}{unit}",
        span(values, digits),
        middle(of_nginx),
        span(of_nginx, 2) if of_nginx else "",
        middle(of_relay),
        f"{statistics.median(rates):,.0f}" if rates else "",
        verdict.text if verdict else "",
    ]
    return f"| {' | '.join(cells)} |"


def middle(ratios):
    return f"{statistics.median(ratios):.2f}" if ratios else ""


def span(values, digits):
    return f"{min(values):.{digits}f}–{max(values):.{digits}f}"


def notes(samples):
    count = len({sample.repetition for sample in samples})
    worst = max(samples, key=lambda sample: sample.waiting)
    few = "" if count >= ENOUGH else " Too few to conclude from."
    return (f"Medians of up to {count} repetitions.{few} A proxy waited for its core at most "
            f"{worst.waiting:.0%} of the time ({worst.scenario}, {worst.proxy}).")  # fmt: skip


def versions(binary):
    found = {name: machine.version([machine.find(c[0]), *c[1:]]) for name, c in VERSIONS.items()}
    return {**found, "domicile": machine.version([str(binary), "--version"])}


def write(file, args, binary, scenarios, samples, loads):
    verdicts = [goals.verdict(scenario, samples) for scenario in scenarios]
    document = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {**machine.description(), "load_before_and_after": loads},
        "versions": versions(binary),
        "pairs": args.pairs,
        "window_seconds": args.window,
        "nice": args.nice,
        "scenarios": [{"name": s.name, "title": s.title, "unit": s.unit} for s in scenarios],
        "goals": goals.plain(filter(None, verdicts)),
        "samples": load.plain(samples),
    }
    file.write_text(json.dumps(document, indent=1) + "\n")
