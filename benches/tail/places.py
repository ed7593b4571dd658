"""What is measured against: an upstream that can be asked over TLS, too, domicile over a file or over
etcd, more Apps, and a data centre of sessions."""

import http.client
import json
import os
import secrets
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
from pathlib import Path

import gateway
import machine
import servers

UPSTREAM_TLS, SESSIONS, ETCD, ETCD_PEER = 2, 3, 5, 6


def ports(base):
    return servers.ports(base) + [base + n for n in (UPSTREAM_TLS, SESSIONS, ETCD, ETCD_PEER)]


def upstream(site):
    """The same nginx as in benches/compare, with TLS beside: what a call takes without a proxy."""
    plain, tls = site.base + servers.UPSTREAM, site.base + UPSTREAM_TLS
    certificate = site.certificate
    text = f"""
    default_type application/json;
    ssl_certificate {certificate.certificate};
    ssl_certificate_key {certificate.key};
    ssl_protocols TLSv1.3;
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{tls} ssl;
        location / {{ return 200 "{servers.BODY}"; }}
    }}
"""
    process = site.processes.start("upstream", site.nginx_with("upstream", text), [plain, tls])
    return servers.Proxy("direct", process, plain, tls)


def issue(folder, certificate, name, usage="serverAuth"):
    """Another certificate for localhost of the same CA, and its key: files of that name."""
    key, asked, made, extensions = (folder / f"{name}.{end}" for end in ("key", "csr", "crt", "ext"))
    extensions.write_text(f"subjectAltName=DNS:localhost\nextendedKeyUsage={usage}\n")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    machine.output(
        ["openssl", "req", *new_key, "-subj", "/O=tail", "-keyout", key, "-out", asked]
    )
    machine.output(
        ["openssl", "x509", "-req", "-in", asked, "-CA", certificate.ca, "-CAkey", folder / "ca.key",
         "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", made]
    )
    return made, key


def renew(folder, certificate):
    """Makes what puts another certificate, and its key, in the place of the ones that serve."""
    made, key = issue(folder, certificate, "renewed")

    def put():
        key.rename(certificate.key)
        made.rename(certificate.certificate)

    return put


def domicile(site, binary, etcd=None):
    """As benches/compare has it; with its registry in etcd, if there is one. Its call, and it."""
    base, folder = site.base, site.folder / "domicile"
    place = f"//127.0.0.1:{base + servers.UPSTREAM}"
    sessions = f"ws://127.0.0.1:{base + SESSIONS}/websocket"
    upstreams = {"rest": f"http:{place}", "websocket": sessions}
    firsts = {"frankfurt": base + servers.DOMICILE, "singapore": base + servers.REGISTRAR}
    keys = {
        region: gateway.prepare(binary, folder, region, first, upstreams, site.certificate)
        for region, first in firsts.items()
    }
    configs = {region: folder / region / "gateway.yaml" for region in firsts}
    if etcd:
        etcd.admit(binary, folder / "regions")
        for region, config in configs.items():
            etcd.take_over(config, region)
    for config in configs.values():
        machine.output([binary, "check", "--config", config])
    call = gateway.register(site.processes, binary, configs, firsts, keys, site.certificate)
    return call, gateway.serve(site, binary)


class Etcd:
    """One member, its data in memory where there is such a place."""

    def __init__(self, base, folder, processes, certificate):
        self.processes = processes
        self.ports = [base + ETCD, base + ETCD_PEER]
        self.folder, self.ca = folder, certificate.ca
        # It shows its own certificate to itself.
        self.files = issue(folder, certificate, "etcd", "serverAuth,clientAuth")
        memory = Path("/dev/shm")
        self.data = tempfile.mkdtemp(prefix="etcd-", dir=memory if memory.is_dir() else None)
        self.process = None
        self.start()

    def start(self):
        client, peer = f"https://127.0.0.1:{self.ports[0]}", f"http://127.0.0.1:{self.ports[1]}"
        certificate, key = self.files
        command = [
            machine.find("etcd"), f"--data-dir={self.data}", f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
            f"--cert-file={certificate}", f"--key-file={key}",
            # It elects itself at once.
            "--heartbeat-interval=20", "--election-timeout=200", "--logger=zap",
        ]  # fmt: skip
        self.process = self.processes.start("etcd", command, self.ports)

    def admit(self, binary, catalogue):
        """The list of regions, their users and passwords."""
        root = self.folder / "root.password"
        root.touch(mode=0o600)
        root.write_text(secrets.token_urlsafe())
        command = [
            binary, "registry", "init-etcd", "--endpoint", self.url(), "--ca", self.ca,
            "--catalogue", catalogue, "--root-password-file", root,
            "--passwords", self.folder / "passwords",
        ]  # fmt: skip
        deadline = time.monotonic() + 20
        while True:
            try:
                return machine.output(command)
            except machine.Problem:
                # It listens a little before it has elected itself.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def take_over(self, config, region):
        """Has a configuration's registry here instead of in a file."""
        embedded = "  embedded: {path: ../registry.redb}\n"
        text = config.read_text()
        if embedded not in text:
            raise machine.Problem(f"{config} has no registry in a file")
        password = self.folder / "passwords" / f"{region}.password"
        config.write_text(text.replace(embedded, f"""  etcd:
    endpoints: ["{self.url()}"]
    tls: {{ca: {self.ca}}}
    username: {region}
    password: {{file: {password}}}
"""))  # fmt: skip

    def url(self):
        return f"https://localhost:{self.ports[0]}"

    def signal(self, number):
        os.kill(self.process.pid, number)

    def kill(self):
        self.process.popen.kill()
        self.process.popen.wait()

    def end(self):
        if self.process.popen.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.end()
        shutil.rmtree(self.data, ignore_errors=True)


class Admin:
    """The admin API of the gateway that serves."""

    def __init__(self, base, folder, certificate):
        self.port = base + servers.DOMICILE + 2
        self.key = (folder / "frankfurt" / "owner.key").read_text().strip()
        context = ssl.create_default_context(cafile=certificate.ca)
        self.connection = http.client.HTTPSConnection(
            "localhost", self.port, timeout=30, context=context
        )

    def post(self, path, body):
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        self.connection.request("POST", path, json.dumps(body), headers)
        response = self.connection.getresponse()
        text = response.read().decode()
        if response.status not in (200, 201):
            raise machine.Problem(f"{path} answers {response.status}: {text}")
        return json.loads(text)

    def apps(self, count):
        """Registers so many; gives a path and a user's token for each."""
        made = []
        for n in range(count):
            fields = {"org": "compare", "app": f"known{n}", "region": "frankfurt"}
            app = self.post("/v1/apps", fields)["app_id"]
            issued = self.post(f"/v1/apps/{app}/tokens", {"kind": "user", "user_id": "u7k2m9"})
            made.append((f"/compare/known{n}/users/u7k2m9", issued["token"]))
        return made


class Sessions:
    """SDK sessions that stand, end all at once and come again."""

    def __init__(self, base, folder, processes, client, upstream, domicile, app, ca):
        listen = f"127.0.0.1:{base + SESSIONS}"
        command = [upstream, "--listen", listen, "--app-key", app["app_key"]]
        self.centre = processes.start("data centre", command, [base + SESSIONS])
        self.command = [
            client, "--again", "--to", f"127.0.0.1:{domicile.https}", "--ca", ca,
            "--app-key", app["app_key"], "--app-id", app["app_id"],
            "--certificate", folder / "app.certificate",
        ]  # fmt: skip
        secret = folder / "app.certificate"
        secret.touch(mode=0o600)
        secret.write_text(app["certificate"]["value"])
        self.popen = None
        self.niceness = processes.niceness

    def settle(self):
        """As machine.spawn has it, which gives no input."""
        os.nice(self.niceness)
        session = Path("/proc/self/autogroup")
        if self.niceness and session.exists():
            session.write_text(str(self.niceness))

    def open(self, count):
        command = [*self.command, "--sessions", count]
        self.popen = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True, preexec_fn=self.settle,
        )  # fmt: skip
        self.stand()

    def stand(self):
        """Waits until all do; gives how many tries that took in vain."""
        said = self.popen.stdout.readline()
        words = said.split()
        if words[:1] != ["standing"]:
            raise machine.Problem(f"sessions do not stand: {said}")
        return int(words[1])

    def again(self):
        self.popen.stdin.write("again\n")
        self.popen.stdin.flush()
        return self.stand()

    def end(self):
        if self.popen:
            self.popen.kill()
            self.popen.wait()
        self.centre.end()
