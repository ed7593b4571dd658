"""nginx, HAProxy and the relay, as they are compared with: plain proxies that keep connections."""

from pathlib import Path

import machine
from servers import BODY, HAPROXY, NGINX, RELAY, UPSTREAM, Proxy

# The statuses of refusals, each on a port of its own: no other request pays for the question.
REFUSALS = [421, 401]


def nginx(site, workers=1, cores={machine.PROXY_CORE}):
    plain, tls, *refusing = (site.base + NGINX + n for n in range(4))
    text = NGINX_PROXY.format(
        upstream=site.base + UPSTREAM, plain=plain, tls=tls, certificate=site.certificate,
    )  # fmt: skip
    for status, port in zip(REFUSALS, refusing):
        text += NGINX_REFUSES.format(port=port, status=status, body=BODY)
    command = site.nginx_with("nginx", text, workers)
    process = site.processes.start("nginx", command, [plain, tls, *refusing], cores)
    return Proxy("nginx", process, plain, tls, refusing=dict(zip(REFUSALS, refusing)))


NGINX_PROXY = """
    upstream centre {{
        server 127.0.0.1:{upstream};
        keepalive 16384;
        keepalive_requests 1000000000;
    }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_request_buffering off;
    ssl_certificate {certificate.certificate};
    ssl_certificate_key {certificate.key};
    ssl_protocols TLSv1.3;
    server {{
        listen 127.0.0.1:{plain} backlog=16384;
        location / {{ proxy_pass http://centre; }}
    }}
    server {{
        listen 127.0.0.1:{tls} ssl http2 backlog=16384;
        server_name localhost;
        location / {{ proxy_pass http://centre; }}
    }}
    server {{
        listen 127.0.0.1:{tls} ssl http2 default_server;
        ssl_reject_handshake on;
    }}
"""

NGINX_REFUSES = """
    server {{
        listen 127.0.0.1:{port};
        default_type application/json;
        location / {{ return {status} "{body}"; }}
    }}
"""


def haproxy(site, cores={machine.PROXY_CORE}):
    plain, tls, *refusing = (site.base + HAPROXY + n for n in range(4))
    pem = site.folder / "haproxy.pem"
    files = (site.certificate.certificate, site.certificate.key)
    pem.write_text("".join(Path(file).read_text() for file in files))
    text = HAPROXY_PROXY.format(
        upstream=site.base + UPSTREAM, plain=plain, tls=tls, pem=pem,
        # Each connection may take two files.
        connections=(machine.open_files(0) - machine.SPARE_FILES) // 2,
    )  # fmt: skip
    for status, port in zip(REFUSALS, refusing):
        text += HAPROXY_REFUSES.format(port=port, status=status, body=BODY)
    file = site.folder / "haproxy.cfg"
    file.write_text(text)
    command = [machine.find("haproxy"), "-db", "-f", file]
    process = site.processes.start("haproxy", command, [plain, tls, *refusing], cores)
    return Proxy("haproxy", process, plain, tls, refusing=dict(zip(REFUSALS, refusing)))


HAPROXY_PROXY = """
global
    nbthread 1
    maxconn {connections}
    # Otherwise it closes idle connections to the upstream as soon as many files are open.
    tune.pool-low-fd-ratio 100
    tune.pool-high-fd-ratio 100

defaults
    mode http
    backlog 16384
    option http-keep-alive
    http-reuse always
    timeout connect 30s
    timeout client 75s
    timeout server 60s

frontend plain
    bind 127.0.0.1:{plain}
    default_backend centre

frontend tls
    bind 127.0.0.1:{tls} ssl crt {pem} strict-sni alpn h2,http/1.1 ssl-min-ver TLSv1.3
    default_backend centre

backend centre
    server centre 127.0.0.1:{upstream}
"""

HAPROXY_REFUSES = """
frontend refuses-{status}
    bind 127.0.0.1:{port}
    http-request return status {status} content-type application/json string "{body}"
"""


def relay(site, program):
    port = site.base + RELAY
    command = [program, f"127.0.0.1:{port}", f"127.0.0.1:{site.base + UPSTREAM}"]
    return Proxy("relay", site.processes.start("relay", command, [port], {machine.PROXY_CORE}), port)
