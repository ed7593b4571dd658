"""Domicile in full: two regions' keys and catalogue, an App at home, an App that lives elsewhere."""

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
    # The answer to the App's registration.
    app: dict


def start(base, folder, processes, binary, certificate, upstreams=None):
    """Registers the Apps through the admin API of two gateways, then starts Frankfurt's alone."""
    upstreams = upstreams or {"rest": f"http://127.0.0.1:{base + UPSTREAM}"}
    firsts = {"frankfurt": base + DOMICILE, "singapore": base + REGISTRAR}
    keys = {
        r: prepare(binary, folder, r, first, upstreams, certificate) for r, first in firsts.items()
    }
    configs = {region: folder / region / "gateway.yaml" for region in firsts}
    for config in configs.values():
        machine.output([binary, "check", "--config", config])
    call = register(processes, binary, configs, firsts, keys, certificate)
    return call, serve(base, folder, processes, binary)


def serve(base, folder, processes, binary):
    """Frankfurt's gateway, as it was prepared in the folder."""
    plain, tls, admin, ops = (base + DOMICILE + n for n in range(4))
    config = folder / "frankfurt" / "gateway.yaml"
    command = [binary, "serve", "--cores", "1", "--config", config]
    process = processes.start("domicile", command, [plain, tls, admin, ops], machine.PROXY_CORE)
    return Proxy("domicile", process, plain, tls, ops)


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
  {{connections_per_address: 20000, frames_per_session: 100000/s, drain_grace: 0s, drain: 5s}}
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
    return Call(path.format("frankfurt"), issued["token"], path.format("singapore"), home)
