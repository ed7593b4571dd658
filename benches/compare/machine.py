"""The machine: its programs, its cores, and the processes that are started on it."""

import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

# The proxy that is measured has the first to itself, everything else is on the second.
PROXY_CORE = 0
OTHER_CORE = 1
BOTH_CORES = {PROXY_CORE, OTHER_CORE}

# What a process needs besides its connections: listeners, logs, registry, kernel handles.
SPARE_FILES = 200

PACKAGES = {
    "nginx": "nginx",
    "haproxy": "haproxy",
    "wrk": "wrk",
    "h2load": "nghttp2-client",
    "openssl": "openssl",
}


class Problem(Exception):
    """Why there is nothing to compare."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def find(program):
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def need_two_cores():
    if not BOTH_CORES <= os.sched_getaffinity(0):
        raise Problem(f"needs the cores {PROXY_CORE} and {OTHER_CORE}, has {os.sched_getaffinity(0)}")


def install_missing():
    missing = sorted({package for program, package in PACKAGES.items() if not find(program)})
    if not missing:
        return
    say(f"compare: installing {', '.join(missing)} with apt-get")
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    # With this run level Debian's packages do not start their services.
    quiet = ["env", "RUNLEVEL=1", "DEBIAN_FRONTEND=noninteractive"]
    for command in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
        done = subprocess.run([*sudo, *quiet, "apt-get", *command], stdout=sys.stderr)
        if done.returncode:
            raise Problem(f"cannot install {', '.join(missing)}: install them by hand")


# For programs that are not measured themselves: linking them as a whole would take minutes.
QUICKLY = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}


def build(root, name, package="domicile", settings={}):
    say(f"building {name} in release")
    # With the gateway's features of what both depend on, so that it is built once for both.
    packages = ["--package", package] + (["--package", "domicile"] if settings else [])
    command = ["cargo", "build", "--release", *packages, "--bin", name]
    if subprocess.run(command, cwd=root, env={**os.environ, **settings}).returncode:
        raise Problem(f"{name} does not build")
    target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    return (root / target / "release" / name).resolve()


def pin(cores):
    """This program, and what it starts."""
    os.sched_setaffinity(0, cores)


def on_both_cores():
    """For what is started, and measured by nobody."""
    os.sched_setaffinity(0, BOTH_CORES)


def open_files(wanted):
    """Raises the limit of open files, here and so in what is started, towards so many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (max(wanted, hard), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return limit
        except (ValueError, OSError):
            continue
    raise Problem("the limit of open files cannot be raised")


def listeners(port):
    """The inodes of the sockets that listen on a port, whoever has them."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                found.add(fields[9])
    return found


def spawn(command, cores, niceness, out):
    """In a session of its own, since Linux weighs sessions first, then what is in them."""

    def settle():
        os.sched_setaffinity(0, cores)
        os.nice(niceness)
        session = Path("/proc/self/autogroup")
        if niceness and session.exists():
            session.write_text(str(niceness))

    return subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=settle,
    )


class Process:
    """A program that was started here, with the processes that it started itself."""

    def __init__(self, name, popen, log):
        self.name = name
        self.popen = popen
        self.pid = popen.pid
        self.log = log

    def pids(self):
        """It and its children: nginx works in one."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    def times(self):
        """Nanoseconds on a core, and nanoseconds ready but waiting for one, of all threads."""
        used = waited = 0
        for pid in self.pids():
            for schedstat in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                fields = schedstat.read_text().split()
                used, waited = used + int(fields[0]), waited + int(fields[1])
        return used, waited

    def resident(self):
        """KiB of memory."""
        total = 0
        for pid in self.pids():
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Rss:"))
        return total

    def move(self, cores):
        """To other cores, with all its threads."""
        for pid in self.pids():
            for thread in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), cores)

    def sockets(self):
        links = (fd for pid in self.pids() for fd in Path(f"/proc/{pid}/fd").iterdir())
        targets = {os.readlink(link) for link in links if link.is_symlink()}
        return {t[len("socket:[") : -1] for t in targets if t.startswith("socket:[")}

    def await_ports(self, ports, seconds=20):
        """Waits until it, and it alone, listens on all of them."""
        deadline = time.monotonic() + seconds
        while not all(listeners(port) for port in ports):
            if self.popen.poll() is not None or time.monotonic() > deadline:
                raise Problem(f"{self.name} does not start:\n{self.log.read_text(errors='replace')}")
            time.sleep(0.02)
        for port in ports:
            if not listeners(port) <= self.sockets():
                raise Problem(f"port {port} is shared with another process")

    def end(self):
        if self.popen.poll() is not None:
            return
        self.popen.terminate()
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


class Processes:
    """Everything that was started; leaving the context ends it, each by its own pid."""

    def __init__(self, logs, niceness):
        self.logs = logs
        self.niceness = niceness
        self.started = []

    def __enter__(self):
        self.logs.mkdir()
        return self

    def __exit__(self, *_):
        for process in reversed(self.started):
            process.end()

    def start(self, name, command, ports, cores={OTHER_CORE}):
        log = self.logs / f"{name}-{len(self.started)}.log"
        with open(log, "wb") as out:
            process = Process(name, spawn(command, cores, self.niceness, out), log)
        self.started.append(process)
        process.await_ports(ports)
        return process

    def load(self, command, cores={OTHER_CORE}):
        """A load generator; who starts it ends it."""
        return spawn(command, cores, self.niceness, subprocess.PIPE)


def output(command, **more):
    """What a command that must succeed says."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)
    if done.returncode:
        raise Problem(f"{' '.join(map(str, command[:3]))} failed: {done.stderr or done.stdout}")
    return done.stdout


def version(command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def description():
    model = [l for l in Path("/proc/cpuinfo").read_text().splitlines() if l.startswith("model name")]
    return {
        "cores": os.cpu_count(),
        "processor": model[0].split(":", 1)[1].strip() if model else platform.machine(),
        "kernel": platform.release(),
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    }
