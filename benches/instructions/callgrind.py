"""Instructions, counted by callgrind, of a part of what a program does."""

import os
import re
import time
from collections import Counter

import machine

# No setting of the caller's gets in.
PLAIN = ["env", "-i", f"PATH={os.environ.get('PATH', '')}", "LC_ALL=C"]

VALGRIND = ["valgrind", "--tool=callgrind", "--quiet"]


def cases(program, folder):
    """What the program says it counted: by name, the instructions of doing it once."""
    out = folder / "cases.out"
    command = [*PLAIN, *VALGRIND, f"--callgrind-out-file={out}", "--dump-before=*instructions*edge*", program]
    found = {}
    for number, line in enumerate(machine.output(command).splitlines()):
        times, name = line.split(" ", 1)
        # A case calls twice, before and after: every second file is what lies between.
        found[name] = total(f"{out}.{2 * number + 2}") / int(times)
    return found


class Server:
    """A program under callgrind that is asked now and then what it has done since the last time."""

    def __init__(self, processes, name, command, ports, folder):
        self.out = folder / f"{name}.out"
        self.pipes = folder / f"{name}.vgdb"
        self.asked = 0
        options = [f"--callgrind-out-file={self.out}", "--separate-threads=yes"]
        options += [f"--vgdb-prefix={self.pipes}", "--vgdb-poll=500"]
        log = folder / f"{name}.log"
        with open(log, "wb") as out:
            popen = machine.spawn([*PLAIN, *VALGRIND, *options, *command], os.sched_getaffinity(0), 0, out)
        self.process = machine.Process(name, popen, log)
        processes.started.append(self.process)
        self.process.await_ports(ports, seconds=120)
        self.since()

    def during(self, work):
        """Instructions while something is done, by thread, and the seconds that it took."""
        began = time.monotonic()
        work()
        return self.since(), time.monotonic() - began

    def since(self):
        """Instructions since it was last asked, or since its start, by thread."""
        self.asked += 1
        command = ["vgdb", f"--vgdb-prefix={self.pipes}", f"--pid={self.process.pid}", "dump"]
        machine.output(command, timeout=60)
        files = self.out.parent.glob(f"{self.out.name}.{self.asked}-*")
        return Counter({file.name.rsplit("-", 1)[1]: total(file) for file in files})


def total(file):
    for line in open(file):
        if found := re.match(r"(?:totals|summary): (\d+)", line):
            return int(found.group(1))
    raise machine.Problem(f"{file} has no total")
