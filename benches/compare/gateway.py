"""Domicile in full: two regions' keys and catalogue, an App at home, an App that lives elsewhere."""

import http.client
import json
import re
from dataclasses import dataclass

import machine
from servers import DOMICILE, REGISTRAR, UPSTREAM, Proxy

ZONES = {"frankfurt": "fra1", "singapore": "sg1"}


@dataclass
class Call:
    """The request that is sent: to the same path with the same token, whatever the proxy."""

    path: str
    token: str
    foreign_path: str
    upload_path: str
    # The answer to the App's registration.
    app: dict


def register_apps(site, binary, upstreams):
    """Registers the Apps through the admin API of two gateways, which end; gives the call."""
    firsts = {"frankfurt": site.base + DOMICILE, "singapore": site.base + REGISTRAR}
    folder = site.folder / "domicile"
    keys = {
        r: prepare(binary, folder, r, first, upstreams, site.certificate)
        for r, first in firsts.items()
    }
    configs = {region: folder / region / "gateway.yaml" for region in firsts}
    for config in configs.values():
        machine.output([binary, "check", "--config", config])
    return register(site.processes, binary, configs, firsts, keys, site.certificate)


def serve(site, binary, name="domicile", first=DOMICILE, threads=1, cores={machine.PROXY_CORE}):
    """Frankfurt's gateway, as it was prepared in the folder of that name."""
    ports = [site.base + first + n for n in range(4)]
    config = site.folder / name / "frankfurt" / "gateway.yaml"
    command = [binary, "serve", "--cores", threads, "--config", config]
    process = site.processes.start(name, command, ports, cores)
    plain, tls, _, ops = ports
    return Proxy("domicile", process, plain, tls, ops)


def rest(site):
    """The upstreams of REST calls alone."""
    return {"rest": f"http://127.0.0.1:{site.base + UPSTREAM}"}


def metrics(proxy):
    """Series, their labels in the order of the alphabet, and values."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.ops, timeout=30)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {in_order(series): float(value) for series, value in pairs}


def in_order(series):
    name, _, labels = series.rstrip("}").partition("{")
    return f"{name}{{{','.join(sorted(labels.split(',')))}}}" if labels else name


def prepare(binary, folder, region, first, upstreams, certificate):
    """A region's folder and catalogue entry; gives its owner's key."""
    data = folder / region
    command = [binary, "init", "--region", region, "--zone", ZONES[region], "--data", data]
    made = json.loads(machine.output([*command, "--output", "json"]))
    generated = (data / "regions" / f"{region}.yaml").read_text()
    pin_keys = re.search(r"^pin_keys:\n(?:  - .*\n)+", generated, re.MULTILINE).group()
    regions = folder / "regions"
    regions.mkdir(exist_ok=True)
    (regions / f"{region}.yaml").write_text(entry(region, first) + pin_keys)
    (data / "gateway.yaml").write_text(config(region, first, upstreams, certificate))
    key = data / "owner.key"
    key.touch(mode=0o600)
    key.write_text(made["admin_key"])
    return key


def entry(region, first):
    return f"""region: {region}
location: {region}
service_area: {region}
zones: [{ZONES[region]}]
endpoints:
  rest: ["https://localhost:{first + 1}"]
  websocket: ["wss://localhost:{first + 1}/websocket"]
  msync: ["localhost:6717"]
  admin: ["https://localhost:{first + 2}"]
"""


def config(region, first, upstreams, certificate):
    """Everything is on and at its default, but for limits that a load of few clients runs into."""
    places = "".join(f'      {kind}: ["{url}"]\n' for kind, url in upstreams.items())
    return f"""region: {region}
catalogue: {{path: ../regions/}}
data_dir: .
allow_plaintext: true
listen:
  http: "127.0.0.1:{first}"
  https: "127.0.0.1:{first + 1}"
  admin: "127.0.0.1:{first + 2}"
  ops: "127.0.0.1:{first + 3}"
tls:
  certificates: [{{certificate: {certificate.certificate}, key: {certificate.key}}}]
zones:
  {ZONES[region]}:
    egress: ["127.0.0.1/32"]
    upstreams:
{places}registry:
  embedded: {{path: ../registry.redb}}
  anchor: registry.anchor
keys:
  seal: {{file: keys/{region}.seal}}
  pin: {{file: keys/{region}.pin}}
limits:
  {{connections_per_address: 60000, in_flight_per_channel: 60000, in_flight_per_app: 60000,
   frames_per_session: 100000/s, connect: 30s, drain_grace: 0s, drain: 5s}}
log: {{format: json, level: warn}}
"""


def register(processes, binary, configs, firsts, keys, certificate):
    """An App in each region, and a user's token for the one in Frankfurt."""
    command = [binary, "serve", "--cores", "1"]
    for file in configs.values():
        command += ["--config", file]
    ports = [first + n for first in firsts.values() for n in range(4)]
    registrar = processes.start("registrar", command, ports)

    def ask(region, *words):
        admin = f"https://localhost:{firsts[region] + 2}"
        known = ["--admin", admin, "--key-file", keys[region], "--ca", certificate.ca]
        return json.loads(machine.output([binary, *words, *known, "--output", "json"]))

    for region in ZONES:
        names = ["--org", "compare", "--app", region, "--region", region]
        app = ask(region, "apps", "register", *names, "--yes")
        assert app["auth_mode"] == "secure", app
        if region == "frankfurt":
            home = app
            issued = ask(region, "tokens", "issue", "--app-id", app["app_id"], "--user", "u7k2m9")
    registrar.end()
    path = "/compare/{}/users/u7k2m9"
    files = "/compare/frankfurt/chatfiles"
    return Call(path.format("frankfurt"), issued["token"], path.format("singapore"), files, home)
