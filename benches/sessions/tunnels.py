"""The data centre of all sessions, and nginx and HAProxy as blind WebSocket tunnels to it."""

import http.client
import resource

import machine
from servers import HAPROXY, NGINX, NGINX_COMMON, UPSTREAM, Proxy

# What a process needs besides its sessions: listeners, logs, registry, kernel handles.
SPARE_FILES = 200


def most_sessions(wanted):
    """A session takes two open files of a proxy. Raises the limit as far as it goes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, (hard - SPARE_FILES) // 2)


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


def nginx(base, folder, processes, certificate):
    plain, tls = base + NGINX, base + NGINX + 1
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    common = NGINX_COMMON.format(folder=folder, name="tunnel")
    # It closes idle connections as soon as a sixteenth of these is all that is free.
    common = common.replace("worker_connections 4096", f"worker_connections {2 * files}")
    file = folder / "tunnel.conf"
    file.write_text(
        common
        + f"""
    ssl_certificate {certificate.certificate};
    ssl_certificate_key {certificate.key};
    ssl_protocols TLSv1.3;
    server {{
        listen 127.0.0.1:{plain} backlog=4096;
        listen 127.0.0.1:{tls} ssl backlog=4096;
        location / {{
            proxy_pass http://127.0.0.1:{base + UPSTREAM};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_read_timeout 1h;
        }}
    }}
}}
"""
    )
    command = [machine.find("nginx"), "-e", "stderr", "-c", file]
    process = processes.start("nginx", command, [plain, tls], machine.PROXY_CORE)
    return Proxy("nginx", process, plain, tls)


def haproxy(base, folder, processes, certificate):
    plain, tls = base + HAPROXY, base + HAPROXY + 1
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    both = folder / "haproxy.pem"
    both.write_text("".join(open(file).read() for file in (certificate.certificate, certificate.key)))
    file = folder / "haproxy.cfg"
    file.write_text(
        f"""
global
    nbthread 1
    maxconn {(files - SPARE_FILES) // 2}

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
    bind 127.0.0.1:{tls} ssl crt {both} ssl-min-ver TLSv1.3
    default_backend centre

backend centre
    server centre 127.0.0.1:{base + UPSTREAM}
"""
    )
    command = [machine.find("haproxy"), "-db", "-f", file]
    process = processes.start("haproxy", command, [plain, tls], machine.PROXY_CORE)
    return Proxy("haproxy", process, plain, tls)
