"""Whether the machine is ours: no port that anybody has, no other server or load beside the measured."""

import os
import socket
from pathlib import Path

import machine

# What would take the measured proxy's time, or answer in its place. The kernel keeps 15 letters.
STRAYS = {"nginx", "haproxy", "domicile", "wrk", "h2load", "compare-relay", "compare-clients",
          "compare-apps", "session-client", "session-upstrea"}  # fmt: skip


def need_free_ports(ports):
    """Refuses a port that anybody has, or that somebody shares by SO_REUSEPORT."""
    for port in ports:
        with socket.socket() as probe:
            # Connections of an earlier run that still wait for late segments are in nobody's way.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise machine.Problem(
                    f"port {port} is taken ({error.strerror}): choose others with --port"
                )


def need_no_strays(are_allowed):
    found = strays()
    named = ", ".join(f"{name} ({pid})" for pid, name in found)
    if found and not are_allowed:
        raise machine.Problem(f"others run here: {named}. End them, or measure with --allow-strays")
    if found:
        machine.say(f"beside others: {named}")


def strays():
    """Process ids and names, whoever started them."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            name = (folder / "comm").read_text().strip()
        except OSError:
            continue  # It has ended.
        if name in STRAYS:
            found.append((int(folder.name), name))
    return sorted(found)


def load():
    """Processes that ran or wanted to, on average over the last minute."""
    return round(os.getloadavg()[0], 2)


def tell_load():
    now = load()
    busy = " (other work disturbs what is measured)" if now > 0.5 else ""
    machine.say(f"load of this machine: {now} on {os.cpu_count()} cores{busy}")
    return now
