"""The upstream, nginx and HAProxy: what they are configured to, and their certificate."""

import http.client
from dataclasses import dataclass

import machine

BODY = "The data centre answers with these words. " * 12 + "12345678"
assert len(BODY) == 512

UPSTREAM, NGINX, HAPROXY, DOMICILE, REGISTRAR = 1, 11, 21, 31, 41


def ports(base):
    """All that are used, now or while Apps are registered."""
    numbers = [UPSTREAM, NGINX, NGINX + 1, HAPROXY, HAPROXY + 1]
    numbers += [first + n for first in (DOMICILE, REGISTRAR) for n in range(4)]
    return [base + n for n in numbers]


@dataclass
class Proxy:
    name: str
    process: machine.Process
    http: int
    https: int
    ops: int | None = None


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


class Upstream:
    """An nginx that answers at once; its own count of requests is the one that is used."""

    def __init__(self, base, folder, processes):
        self.port = base + UPSTREAM
        file = folder / "upstream.conf"
        file.write_text(
            NGINX_COMMON.format(folder=folder, name="upstream")
            + f"""
    default_type application/json;
    server {{
        listen 127.0.0.1:{self.port};
        location / {{ return 200 "{BODY}"; }}
        location = /requests-so-far {{ stub_status; }}
    }}
}}
"""
        )
        command = [machine.find("nginx"), "-e", "stderr", "-c", file]
        self.process = processes.start("upstream", command, [self.port])
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)

    def requests(self):
        self.connection.request("GET", "/requests-so-far")
        text = self.connection.getresponse().read().decode()
        return int(text.splitlines()[2].split()[2])


NGINX_COMMON = """
daemon off;
worker_processes 1;
error_log stderr crit;
pid {folder}/{name}.pid;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/{name}-body;
    proxy_temp_path {folder}/{name}-proxy;
    fastcgi_temp_path {folder}/{name}-fastcgi;
    uwsgi_temp_path {folder}/{name}-uwsgi;
    scgi_temp_path {folder}/{name}-scgi;
"""


def nginx(base, folder, processes, certificate):
    plain, tls = base + NGINX, base + NGINX + 1
    file = folder / "nginx.conf"
    file.write_text(
        NGINX_COMMON.format(folder=folder, name="nginx")
        + f"""
    upstream centre {{
        server 127.0.0.1:{base + UPSTREAM};
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    ssl_certificate {certificate.certificate};
    ssl_certificate_key {certificate.key};
    ssl_protocols TLSv1.3;
    server {{
        listen 127.0.0.1:{plain};
        location / {{ proxy_pass http://centre; }}
    }}
    server {{
        listen 127.0.0.1:{tls} ssl http2;
        location / {{ proxy_pass http://centre; }}
    }}
}}
"""
    )
    command = [machine.find("nginx"), "-e", "stderr", "-c", file]
    process = processes.start("nginx", command, [plain, tls], machine.PROXY_CORE)
    return Proxy("nginx", process, plain, tls)


def haproxy(base, folder, processes, certificate):
    plain, tls = base + HAPROXY, base + HAPROXY + 1
    both = folder / "haproxy.pem"
    both.write_text("".join(open(file).read() for file in (certificate.certificate, certificate.key)))
    file = folder / "haproxy.cfg"
    file.write_text(
        f"""
global
    nbthread 1
    maxconn 4096

defaults
    mode http
    option http-keep-alive
    http-reuse always
    timeout connect 3s
    timeout client 75s
    timeout server 60s

frontend plain
    bind 127.0.0.1:{plain}
    default_backend centre

frontend tls
    bind 127.0.0.1:{tls} ssl crt {both} alpn h2,http/1.1 ssl-min-ver TLSv1.3
    default_backend centre

backend centre
    server centre 127.0.0.1:{base + UPSTREAM}
"""
    )
    command = [machine.find("haproxy"), "-db", "-f", file]
    process = processes.start("haproxy", command, [plain, tls], machine.PROXY_CORE)
    return Proxy("haproxy", process, plain, tls)
