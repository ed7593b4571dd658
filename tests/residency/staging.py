#!/usr/bin/env python3
"""The packet-level proof on machines of your own: counts what gateways send to other regions.

  staging.py rules  --targets FILE --region R   the nftables rules for a gateway's host in region R
  staging.py start  --targets FILE --state S    reads the counters of all gateways
  staging.py finish --targets FILE --state S --report DIR
                                                asks for canaries, reads them again, and judges

Between `start` and `finish` try whatever you like. docs/residency-proof.md has the format of FILE.
Python 3.9 or newer, without packages. Exit codes: 0 proven, 1 not, 2 wrong use.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time

TABLE = "domicile_proof"
PATIENCE = 60  # seconds for a command, and for the first packet home
PAUSE = 0.5


def main():
    arguments = parse()
    try:
        targets = read_targets(arguments.targets)
        sys.exit(COMMANDS[arguments.command](arguments, targets))
    except Failed as failed:
        print(f"staging.py: {failed}", file=sys.stderr)
        sys.exit(1)


class Failed(Exception):
    """What went wrong, for the operator."""


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in COMMANDS:
        command = commands.add_parser(name)
        command.add_argument("--targets", required=True, type=pathlib.Path)
        if name == "rules":
            command.add_argument("--region", required=True)
        else:
            command.add_argument("--state", required=True, type=pathlib.Path)
        if name == "finish":
            command.add_argument("--report", required=True, type=pathlib.Path)
    return parser.parse_args()


def read_targets(path):
    try:
        targets = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Failed(f"cannot read {path}: {error}") from error
    for member, kind in (("prefixes", dict), ("gateways", list), ("probe", list)):
        if not isinstance(targets.get(member), kind) or not targets[member]:
            raise Failed(f'{path} needs "{member}", not empty; see docs/residency-proof.md')
    for gateway in targets["gateways"]:
        if gateway.get("region") not in targets["prefixes"]:
            raise Failed(f"{path}: a gateway's region has no prefixes: {gateway}")
    return targets


def rules(arguments, targets):
    if arguments.region not in targets["prefixes"]:
        raise Failed(f"{arguments.region} has no prefixes in {arguments.targets}")
    print(ruleset(targets["prefixes"]))
    return 0


def ruleset(prefixes):
    """The same everywhere: what is foreign is judged later. Every packet counts, with or without payload."""
    lines = [f"table inet {TABLE} {{"]
    lines += [f"  counter to_{region} {{ }}" for region in prefixes]
    lines.append("  chain leaving {")
    lines.append("    type filter hook output priority 0; policy accept;")
    for region, ranges in prefixes.items():
        for text in ranges:
            family = "ip6" if ":" in text else "ip"
            lines.append(f"    {family} daddr {text} counter name to_{region}")
    return "\n".join(lines + ["  }", "}"])


def start(arguments, targets):
    arguments.state.write_text(json.dumps(counters(targets)))
    return 0


def finish(arguments, targets):
    try:
        before = json.loads(arguments.state.read_text())
    except (OSError, ValueError) as error:
        raise Failed(f"cannot read {arguments.state}: was there a start? {error}") from error
    probe = run_probe(targets["probe"])
    gateways = until_home(targets, before)
    report = {
        "ok": probe["ok"] and all(gateway["ok"] for gateway in gateways),
        "probe": probe,
        "gateways": gateways,
    }
    arguments.report.mkdir(parents=True, exist_ok=True)
    (arguments.report / "report.json").write_text(json.dumps(report, indent=2))
    (arguments.report / "report.md").write_text(markdown(report))
    print(markdown(report))
    return 0 if report["ok"] else 1


def until_home(targets, before):
    """A gateway looks after its own data centre every few seconds: a counter that stays 0 counts nothing."""
    end = time.monotonic() + PATIENCE
    while True:
        found = compare(targets, before, counters(targets))
        if all(gateway["home_packets"] for gateway in found) or time.monotonic() > end:
            return found
        time.sleep(PAUSE)


def compare(targets, before, after):
    found = []
    for gateway in targets["gateways"]:
        name, home = gateway["name"], gateway["region"]
        went = {}
        for region in targets["prefixes"]:
            was, now = before[name][f"to_{region}"], after[name][f"to_{region}"]
            if now["packets"] < was["packets"]:
                raise Failed(f"the counters of {name} began anew since the start")
            went[region] = {unit: now[unit] - was[unit] for unit in ("packets", "bytes")}
        foreign = sum(count["packets"] for region, count in went.items() if region != home)
        found.append({
            "name": name,
            "region": home,
            "ok": foreign == 0 and went[home]["packets"] > 0,
            "foreign_packets": foreign,
            "home_packets": went[home]["packets"],
            "home_bytes": went[home]["bytes"],
            "to": went,
        })
    return found


def counters(targets):
    return {gateway["name"]: read(gateway) for gateway in targets["gateways"]}


def read(gateway):
    """`nft -j list counters` of the gateway's host, however its operator gets there."""
    done = command(gateway["counters"])
    if done.returncode != 0:
        raise Failed(f"{gateway['name']}: {done.stderr.strip() or done.returncode}")
    objects = [entry["counter"] for entry in json.loads(done.stdout)["nftables"] if "counter" in entry]
    return {
        counter["name"]: {"packets": counter["packets"], "bytes": counter["bytes"]}
        for counter in objects
        if counter["table"] == TABLE
    }


def run_probe(words):
    done = command(words + ["--output", "json"])
    try:
        found = json.loads(done.stdout)
    except ValueError as error:
        raise Failed(f"the probe did not run: {done.stderr.strip()}") from error
    return {
        "ok": found["ok"],
        "probes": len(found["probes"]),
        "violations": found["violations"],
        "unclear": found["unclear"],
    }


def command(words):
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(f"{' '.join(words)}: {error}") from error


def markdown(report):
    probe = report["probe"]
    lines = [
        "# What gateways sent to other regions",
        "",
        f"Canaries: {probe['probes']} probes, {probe['violations']} violations, {probe['unclear']} unclear.",
        "",
        "| gateway | region | packets to other regions | packets home | bytes home | |",
        "|---|---|---|---|---|---|",
    ]
    for gateway in report["gateways"]:
        verdict = "proven" if gateway["ok"] else "**FAILED**"
        cells = [gateway[member] for member in ("name", "region", "foreign_packets", "home_packets", "home_bytes")]
        lines.append("| " + " | ".join(str(cell) for cell in [*cells, verdict]) + " |")
    return "\n".join(lines) + "\n"


COMMANDS = {"rules": rules, "start": start, "finish": finish}

if __name__ == "__main__":
    main()
