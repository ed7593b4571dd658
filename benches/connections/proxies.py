"""nginx and HAProxy with room for many connections, and domicile's limits as wide."""

import machine
from servers import HAPROXY, NGINX, UPSTREAM, Proxy

# Nothing may end what is held.
LONG = "20m"


def widen(file, files):
    """A gateway's limits are for a load of many clients of many Apps; here is one App."""
    text = file.read_text()
    # In flight it has enough of a channel's and an App's.
    wide = f"connections: {files}, first_byte: {LONG}, keep_alive: {LONG}, "
    assert "  {connections_per_address:" in text
    file.write_text(text.replace("  {connections_per_address:", f"  {{{wide}connections_per_address:"))


def nginx(site, files):
    base, certificate = site.base, site.certificate
    plain, tls = base + NGINX, base + NGINX + 1
    text = f"""
    keepalive_timeout {LONG};
    upstream centre {{
        server 127.0.0.1:{base + UPSTREAM};
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_read_timeout {LONG};
    ssl_certificate {certificate.certificate};
    ssl_certificate_key {certificate.key};
    ssl_protocols TLSv1.3;
    server {{
        listen 127.0.0.1:{plain} backlog=4096;
        location / {{ proxy_pass http://centre; }}
    }}
    server {{
        listen 127.0.0.1:{tls} ssl http2 backlog=4096;
        location / {{ proxy_pass http://centre; }}
    }}
"""
    command = site.nginx_with("many", text)
    process = site.processes.start("nginx", command, [plain, tls], {machine.PROXY_CORE})
    return Proxy("nginx", process, plain, tls)


def haproxy(site, files):
    base, folder, certificate = site.base, site.folder, site.certificate
    plain, tls = base + HAPROXY, base + HAPROXY + 1
    both = folder / "haproxy.pem"
    both.write_text("".join(open(file).read() for file in (certificate.certificate, certificate.key)))
    file = folder / "many.cfg"
    file.write_text(
        f"""
global
    nbthread 1
    maxconn {(files - 500) // 2}

defaults
    mode http
    option http-keep-alive
    http-reuse always
    timeout connect 30s
    timeout client {LONG}
    timeout server {LONG}

frontend plain
    bind 127.0.0.1:{plain} backlog 4096
    default_backend centre

frontend tls
    bind 127.0.0.1:{tls} ssl crt {both} alpn h2,http/1.1 ssl-min-ver TLSv1.3 backlog 4096
    default_backend centre

backend centre
    server centre 127.0.0.1:{base + UPSTREAM}
"""
    )
    command = [machine.find("haproxy"), "-db", "-f", file]
    process = site.processes.start("haproxy", command, [plain, tls], {machine.PROXY_CORE})
    return Proxy("haproxy", process, plain, tls)
