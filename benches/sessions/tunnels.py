"""The data centre of all sessions, and nginx and HAProxy as blind WebSocket tunnels to it."""

import http.client
from pathlib import Path

import machine
from servers import HAPROXY, NGINX, UPSTREAM, Proxy


def most_sessions(wanted):
    """A session takes two open files of a proxy. Raises the limit as far as it goes."""
    files = machine.open_files(2 * wanted + machine.SPARE_FILES)
    return min(wanted, (files - machine.SPARE_FILES) // 2)


class DataCentre:
    """Counts the messages of all its sessions by itself."""

    def __init__(self, base, processes, binary, app_key):
        self.port = base + UPSTREAM
        command = [binary, "--listen", f"127.0.0.1:{self.port}", "--app-key", app_key]
        self.process = processes.start("data centre", command, [self.port])
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)

    def requests(self):
        self.connection.request("GET", "/messages-so-far")
        return int(self.connection.getresponse().read())


def nginx(site):
    plain, tls = site.base + NGINX, site.base + NGINX + 1
    text = NGINX_TUNNEL.format(
        upstream=site.base + UPSTREAM, plain=plain, tls=tls, certificate=site.certificate
    )
    command = site.nginx_with("tunnel", text)
    process = site.processes.start("nginx", command, [plain, tls], {machine.PROXY_CORE})
    return Proxy("nginx", process, plain, tls)


NGINX_TUNNEL = """
    ssl_certificate {certificate.certificate};
    ssl_certificate_key {certificate.key};
    ssl_protocols TLSv1.3;
    server {{
        listen 127.0.0.1:{plain} backlog=4096;
        listen 127.0.0.1:{tls} ssl backlog=4096;
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_read_timeout 1h;
        }}
    }}
"""


def haproxy(site):
    plain, tls = site.base + HAPROXY, site.base + HAPROXY + 1
    pem = site.folder / "haproxy.pem"
    files = (site.certificate.certificate, site.certificate.key)
    pem.write_text("".join(Path(file).read_text() for file in files))
    file = site.folder / "haproxy.cfg"
    sessions = (machine.open_files(0) - machine.SPARE_FILES) // 2
    file.write_text(
        HAPROXY_TUNNEL.format(
            upstream=site.base + UPSTREAM, plain=plain, tls=tls, pem=pem, sessions=sessions
        )
    )
    command = [machine.find("haproxy"), "-db", "-f", file]
    process = site.processes.start("haproxy", command, [plain, tls], {machine.PROXY_CORE})
    return Proxy("haproxy", process, plain, tls)


HAPROXY_TUNNEL = """
global
    nbthread 1
    maxconn {sessions}

defaults
    mode http
    timeout connect 3s
    timeout client 75s
    timeout server 60s
    timeout tunnel 1h

frontend plain
    bind 127.0.0.1:{plain}
    default_backend centre

frontend tls
    bind 127.0.0.1:{tls} ssl crt {pem} ssl-min-ver TLSv1.3
    default_backend centre

backend centre
    server centre 127.0.0.1:{upstream}
"""
