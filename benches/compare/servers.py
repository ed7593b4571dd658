"""What is measured besides domicile, and what stands behind: their ports, and their certificate."""

from dataclasses import dataclass, field
from pathlib import Path

import machine

BODY = "The data centre answers with these words. " * 12 + "12345678"
assert len(BODY) == 512

UPSTREAM, SINK, NGINX, HAPROXY, DOMICILE, REGISTRAR, RELAY = 1, 2, 11, 21, 31, 41, 51
# Gateways that know few Apps, and many.
FEW, MANY = 61, 71


def ports(base):
    """All that are used, now or while Apps are registered."""
    numbers = [UPSTREAM, SINK, RELAY]
    firsts = (NGINX, HAPROXY, DOMICILE, REGISTRAR, FEW, MANY)
    numbers += [first + n for first in firsts for n in range(4)]
    return [base + n for n in numbers]


@dataclass
class Proxy:
    name: str
    process: machine.Process
    http: int
    https: int | None = None
    ops: int | None = None
    # Ports at which everything is refused, with that status; elsewhere `http` refuses what it must.
    refusing: dict = field(default_factory=dict)


@dataclass
class Site:
    """Where a run's programs stand, and what they have in common."""

    base: int
    folder: Path
    processes: machine.Processes
    certificate: "Certificate"

    def nginx_with(self, name, text, workers=1):
        """The command that runs an nginx so configured."""
        file = self.folder / f"{name}.conf"
        file.write_text(
            NGINX_COMMON.format(folder=self.folder, name=name, workers=workers,
                                files=2 * machine.open_files(0)) + text + "\n}\n"
        )  # fmt: skip
        return [machine.find("nginx"), "-e", "stderr", "-c", file]


@dataclass
class Certificate:
    """For localhost, ECDSA with P-256, from a CA made for this run."""

    ca: str
    certificate: str
    key: str


def certificate(folder):
    ca, ca_key, cert, key, asked = (
        folder / name for name in ("ca.crt", "ca.key", "server.crt", "server.key", "server.csr")
    )
    extensions = folder / "server.ext"
    extensions.write_text("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    machine.output(
        ["openssl", "req", "-x509", *new_key, "-subj", "/CN=compare CA", "-days", "2",
         "-keyout", ca_key, "-out", ca]
    )
    machine.output(
        ["openssl", "req", *new_key, "-subj", "/CN=localhost", "-keyout", key, "-out", asked]
    )
    machine.output(
        ["openssl", "x509", "-req", "-in", asked, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
         "-days", "2", "-extfile", extensions, "-out", cert]
    )
    return Certificate(str(ca), str(cert), str(key))


# It closes idle connections as soon as a sixteenth of its connections is all that is free.
NGINX_COMMON = """
daemon off;
worker_processes {workers};
error_log stderr crit;
pid {folder}/{name}.pid;
events {{ worker_connections {files}; multi_accept on; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_max_body_size 0;
    client_body_temp_path {folder}/{name}-body;
    proxy_temp_path {folder}/{name}-proxy;
    fastcgi_temp_path {folder}/{name}-fastcgi;
    uwsgi_temp_path {folder}/{name}-uwsgi;
    scgi_temp_path {folder}/{name}-scgi;
"""
