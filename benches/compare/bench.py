"""What a run has, and the proxies it starts."""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import gateway
import load
import proxies
import servers


@dataclass
class Bench:
    args: object
    site: servers.Site
    upstream: object
    call: object
    binary: Path
    # Programs of this repository, by name.
    programs: dict
    run: load.Run

    @contextmanager
    def standing(self, names, threads=1, **more):
        """These proxies, by name, which end with it."""
        with ExitStack() as ends:
            found = []
            for name in names:
                proxy = self.start(name, threads, **more)
                ends.callback(proxy.process.end)
                found.append(proxy)
            yield found

    def start(self, name, threads, **more):
        if name == "nginx":
            return proxies.nginx(self.site, threads, **more)
        if name == "haproxy":
            return proxies.haproxy(self.site, **more)
        if name == "relay":
            return proxies.relay(self.site, self.programs["compare-relay"])
        return gateway.serve(self.site, self.binary, threads=threads, **more)

    def wanted(self, names):
        """Of these, what was asked for."""
        return [name for name in names if name in ("nginx", *self.args.proxy)]
