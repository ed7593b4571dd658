"""SDK sessions, which benches/sessions/run measures: its figures in the manner of the others."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import machine
from load import Sample
from scenarios import ALL, TLS, Goal, Scenario

RUN = Path(__file__).resolve().parents[1] / "sessions" / "run"

HOW = {"plain": "without TLS", "tls": "TLS 1.3 to the client"}
PROXIES = {"plain": ALL, "tls": TLS}
MEMORY = {"plain": Goal("value", None, 4.0, 2.5), "tls": Goal("value", None, 12.0, 8.0)}
# Over a relay that looks at nothing; there is none for TLS.
MESSAGE = {"plain": Goal("over", "relay", 0.5, 0.2), "tls": None}


def measure(args, binary):
    with tempfile.TemporaryDirectory(prefix="domicile-compare-") as folder:
        file = Path(folder) / "sessions.json"
        command = [
            sys.executable, RUN, "--pairs", args.pairs, "--window", args.window, "--port", args.port,
            "--sessions", args.connections, "--fills", min(args.pairs, 3), "--nice", args.nice,
            "--binary", binary, "--json", file,
        ]  # fmt: skip
        for name in args.proxy:
            command += ["--proxy", name]
        command += ["--allow-strays"] if args.allow_strays else []
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE)
        if done.returncode:
            raise machine.Problem("the sessions could not be measured")
        found = json.loads(file.read_text())
    talk = [of_messages(sample) for sample in found["talk"]]
    idle = [of_memory(sample) for sample in found["idle"]]
    return [s for transport in HOW for s in scenarios(transport)], [*talk, *idle]


def scenarios(transport):
    return [
        Scenario(f"messages-{transport}", f"MSYNC message relayed, {HOW[transport]}", None,
                 PROXIES[transport], MESSAGE[transport]),
        Scenario(f"idle-{transport}", f"memory of an idle session, {HOW[transport]}", None,
                 PROXIES[transport], MEMORY[transport], unit="KiB"),
    ]  # fmt: skip


def of_messages(sample):
    return Sample(
        f"messages-{sample['transport']}", sample["repetition"], sample["proxy"],
        1e6 / sample["per_cpu_second"], sample["messages"], sample["seconds"], sample["waiting"], 0,
    )  # fmt: skip


def of_memory(sample):
    return Sample(
        f"idle-{sample['transport']}", sample["repetition"], sample["proxy"], sample["kib"],
        0, 0, 0, sample["base_kib"] + round(sample["kib"] * sample["sessions"]),
    )  # fmt: skip
