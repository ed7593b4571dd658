"""The load generator, and what it says of each phase."""

import json
import os
import resource
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import machine

# The process itself, its histograms, timers and logs.
SPARE_FILES = 200


def raise_limit():
    """As many open files as may be; gives how many that are."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = int(Path("/proc/sys/fs/nr_open").read_text())
    for limit in (min(65536, most), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, hard)))
            return limit
        except (ValueError, OSError):
            continue
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def promptly():
    """Before everything else that is on its core, where that is allowed: a generator that waits for
    its core measures itself."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        pass


def is_prompt():
    """Whether that is allowed here."""
    parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    promptly()
    allowed = os.sched_getscheduler(0) == os.SCHED_FIFO
    os.sched_setscheduler(0, *parameters)
    return allowed


@dataclass
class Target:
    """Where calls go: a port, and whether it speaks TLS."""

    port: int
    is_tls: bool


class Generators:
    """Starts them; each is ended with its context."""

    def __init__(self, binary, folder, ca):
        self.binary, self.folder, self.ca = binary, folder, ca
        self.made = 0

    def calls(self, lines):
        self.made += 1
        file = self.folder / f"calls-{self.made}"
        file.touch(mode=0o600)
        file.write_text("".join(f"{line}\n" for line in lines))
        return file

    @contextmanager
    def run(self, target, lines, rate=None, connections=64, expect=(200,), fresh=False, slot=None,
            during=None, prompt=True):  # fmt: skip
        command = [
            self.binary, "--to", f"127.0.0.1:{target.port}", "--calls", self.calls(lines),
            "--connections", connections,
        ]  # fmt: skip
        command += ["--rate", rate] if rate else []
        command += ["--ca", self.ca] if target.is_tls else []
        command += ["--fresh"] if fresh else []
        command += ["--slot", slot] if slot else []
        command += ["--during", during] if during else []
        for status in expect:
            command += ["--expect", status]
        errors = self.folder / f"generator-{self.made}.log"
        with open(errors, "wb") as out:
            popen = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=out, text=True, preexec_fn=promptly if prompt else None,
            )  # fmt: skip
        generator = Generator(popen, errors)
        try:
            yield generator
        finally:
            popen.kill()
            popen.wait()


class Generator:
    def __init__(self, popen, errors):
        self.popen, self.errors = popen, errors

    def begin(self, phase):
        """What is due from now on belongs to this phase."""
        try:
            self.popen.stdin.write(f"{phase}\n")
            self.popen.stdin.flush()
        except OSError as error:
            raise machine.Problem(f"the generator ended: {self.errors.read_text()}") from error

    def end(self):
        """The figures of all phases, in their order."""
        try:
            said, _ = self.popen.communicate(timeout=60)
        except subprocess.TimeoutExpired as error:
            raise machine.Problem("the generator does not end") from error
        if self.popen.returncode:
            raise machine.Problem(f"the generator failed: {self.errors.read_text()}")
        return json.loads(said)

    def measured(self, warm_up, window):
        """One phase, after a while that does not count."""
        self.begin("warm-up")
        time.sleep(warm_up)
        self.begin("measured")
        time.sleep(window)
        return self.end()[-1]


def call(path, token, method="GET", body=""):
    return f"{method} {path} {token or '-'} {body}".rstrip()
