"""The upstream that all proxies have in common."""

import http.client

from servers import BODY, SINK, UPSTREAM


class Upstream:
    """An nginx that answers at once; its own count of requests is the one that is used.

    What is uploaded it reads to the end before it answers: it hands the request, without its body,
    to a second nginx, which it does only then."""

    def __init__(self, site):
        self.port, sink = site.base + UPSTREAM, site.base + SINK
        command = site.nginx_with("sink", ANSWERING.format(port=sink, more="", body=BODY))
        site.processes.start("sink", command, [sink])
        more = MORE.format(sink=sink)
        command = site.nginx_with("upstream", ANSWERING.format(port=self.port, more=more, body=BODY))
        self.process = site.processes.start("upstream", command, [self.port])
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)

    def requests(self):
        try:
            return self.ask()
        except ConnectionError:
            # It lets go of connections that idle, as while many Apps are made known.
            self.connection.close()
            return self.ask()

    def ask(self):
        self.connection.request("GET", "/requests-so-far")
        text = self.connection.getresponse().read().decode()
        return int(text.splitlines()[2].split()[2])


ANSWERING = """
    default_type application/json;
    server {{
        listen 127.0.0.1:{port} backlog=16384;
        location / {{ return 200 "{body}"; }}
        {more}
    }}
"""

MORE = """
        location = /requests-so-far {{ stub_status; }}
        location ~ /chatfiles$ {{
            client_body_buffer_size 2m;
            proxy_pass http://127.0.0.1:{sink};
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }}
"""
