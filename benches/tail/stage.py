"""What events happen to: domicile over a file or over etcd, sessions, an administrator."""

from contextlib import contextmanager
from dataclasses import replace

import generator
import machine
import places

# Files of a gateway beside those of sessions: both ends of the load's connections.
LOAD_FILES = 2 * 400


class Stage:
    def __init__(self, site, binary, generators, clients):
        self.site, self.binary, self.generators = site, binary, generators
        self.base, self.folder, self.processes = site.base, site.folder, site.processes
        self.certificate = site.certificate
        # The programs that make sessions and answer them, built when they are needed.
        self.clients = clients
        self.call = self.running = self.home = None
        self.starts = 0

    def domicile(self):
        if not self.running:
            self.start("domicile")
        return self.running

    def start(self, name, etcd=None):
        site = replace(self.site, folder=self.folder / f"{name}-{self.starts}")
        site.folder.mkdir()
        self.starts += 1
        self.call, self.running = places.domicile(site, self.binary, etcd)
        self.home = site.folder / "domicile"

    def stop(self):
        if self.running:
            self.running.process.end()
            self.running = None

    def admin(self):
        return places.Admin(self.base, self.home, self.certificate)

    @contextmanager
    def in_etcd(self, known):
        """With its registry in etcd, and so many Apps in it. A file-backed one is over with."""
        self.stop()
        etcd = places.Etcd(self.base, self.folder, self.processes, self.certificate)
        try:
            self.start("domicile-etcd", etcd)
            yield self.running, etcd, self.admin().apps(known)
        finally:
            self.stop()
            etcd.end()

    @contextmanager
    def sessions(self, wanted, files):
        """So many SDK sessions that stand; fewer if the gateway may not open two files for each."""
        count = min(wanted, (files - generator.SPARE_FILES - LOAD_FILES) // 2)
        if count < wanted:
            machine.say(f"tail: {count:,} sessions, for want of open files (ulimit -Hn)")
        client, upstream = self.clients()
        sessions = places.Sessions(
            self.base, self.folder, self.processes, client, upstream,
            self.domicile(), self.call.app, self.certificate.ca,
        )  # fmt: skip
        try:
            sessions.open(count)
            yield sessions, count
        finally:
            sessions.end()
