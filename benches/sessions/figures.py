"""The two tables, and the file."""

import statistics
from dataclasses import asdict

from report import span

TITLES = {"plain": "without TLS", "tls": "TLS 1.3 to the client"}


def memory_table(samples):
    lines = ["| idle sessions | proxy | KiB each | min–max |", "|---|---|--:|--:|"]
    for transport, proxy, here in groups(samples):
        each = [sample.kib for sample in here]
        title = f"{here[0].sessions:,} {TITLES[transport]}"
        lines.append(f"| {title} | {proxy} | {statistics.median(each):.1f} | {span(each, 1)} |")
    return "\n".join(lines)


def relay_table(samples):
    lines = [
        "| messages of 200 bytes | proxy | a CPU second | min–max | of nginx | min–max | CPU µs each |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for transport, proxy, here in groups(samples):
        nginx = {s.repetition: s.per_cpu_second for s in samples
                 if (s.transport, s.proxy) == (transport, "nginx")}  # fmt: skip
        rate = [s.per_cpu_second for s in here]
        ratio = [s.per_cpu_second / nginx[s.repetition] for s in here]
        lines.append(
            f"| {TITLES[transport]} | {proxy} | {statistics.median(rate):,.0f} "
            f"| {min(rate):,.0f}–{max(rate):,.0f} | {statistics.median(ratio):.2f} | {span(ratio, 2)} "
            f"| {1e6 / statistics.median(rate):.2f} |"
        )
    worst = max(sample.waiting for sample in samples)
    lines.append(f"\nThe proxy waited for its core at most {worst:.0%} of the time.")
    return "\n".join(lines)


def groups(samples):
    for key in dict.fromkeys((s.transport, s.proxy) for s in samples):
        yield *key, [s for s in samples if (s.transport, s.proxy) == key]


def plain(samples):
    return [asdict(sample) for sample in samples]
