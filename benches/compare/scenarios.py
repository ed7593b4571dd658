"""What is asked of the proxies: each scenario's load, what must be said of it, and its goals."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable

HERE = Path(__file__).resolve().parent


@dataclass
class Shot:
    """One measurement of one proxy."""

    proxy: object
    call: object
    # Programs of this repository, by name.
    programs: dict
    # The file of the CA that made the proxies' certificate.
    ca: str
    seconds: int
    repetition: int


@dataclass
class Goal:
    """The gateway's median beside something of the same repetition, or alone."""

    # "proxy": the ratio to that proxy's. "scenario": the ratio to its own in that scenario.
    # "over": the difference from that proxy's. "value": the figure itself.
    kind: str
    beside: str | None
    at_most: float
    stretch: float


@dataclass
class Scenario:
    name: str
    title: str
    # The words that start its load, of a Shot.
    command: Callable
    proxies: list
    goal: Goal | None = None
    unit: str = "µs"
    # Before the window opens: connections are made, caches filled.
    warm_up: float = 1.0
    # Who counts the requests: "upstream", inside the window, or "generator", from its first to its last.
    counted_by: str = "upstream"
    # The gateway's own series that must have grown by as much.
    series: tuple = ()
    # Requests a second that must have come through.
    rate: float | None = None
    connections: int = 64
    # What the load generator must have said, and must not.
    required: str = r"requests in"
    refused: str = r"Non-2xx|Socket errors: connect [^0]"


# The gateway's own counters of what it must have done for each request.
FORWARDED = (
    'domicile_tokens_verified_total{result="cached"}',
    'domicile_registry_lookups_total{result="here"}',
)


def wrk(shot, url, *, token=True, connections=64, script=None, arguments=()):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{shot.seconds}s"]
    if token:
        command += ["-H", f"Authorization: Bearer {shot.call.token}"]
    if script:
        command += ["-s", HERE / script]
    return [*command, url, *(["--", *arguments] if arguments else [])]


def h2load(shot, url, *options):
    token = f"Authorization: Bearer {shot.call.token}"
    return ["h2load", "-t1", f"-D{shot.seconds}", *options, "-H", token, url]


def clients(shot, port, count, *what):
    command = [shot.programs["compare-clients"], "--to", f"127.0.0.1:{port}"]
    return [*command, "--clients", count, "--seconds", shot.seconds, *what]


def call(shot):
    return ["--path", shot.call.path, "--token", shot.call.token]


def plain(shot, path=None):
    return f"http://localhost:{shot.proxy.http}{path or shot.call.path}"


def tls(shot):
    return f"https://localhost:{shot.proxy.https}{shot.call.path}"


def refusing(shot, status, path):
    return f"http://localhost:{shot.proxy.refusing.get(status, shot.proxy.http)}{path}"


H2LOAD_FAILED = r"status codes: .* [1-9]\d* [345]xx"
PEERS = ["nginx", "haproxy"]
ALL = [*PEERS, "relay", "domicile"]
TLS = [*PEERS, "domicile"]
NO_SUCH_NAME = "elsewhere.chat.example.com"


def usual():
    """Those that one set of running proxies can answer."""
    return [
        Scenario(
            "http1", "HTTP/1.1 keep-alive, 64 connections",
            lambda shot: wrk(shot, plain(shot)),
            ALL, Goal("proxy", "nginx", 1.00, 0.85), series=FORWARDED,
        ),
        Scenario(
            "steady", "HTTP/1.1 at 5,000/s, 50 connections",
            lambda shot: clients(shot, shot.proxy.http, 50, "paced", "--rate", 5000, *call(shot)),
            ALL, Goal("proxy", "nginx", 1.05, 0.95), series=FORWARDED, rate=5000,
        ),
        Scenario(
            "tls", "HTTP/1.1 over TLS 1.3, 64 connections",
            lambda shot: wrk(shot, tls(shot)),
            TLS, Goal("proxy", "nginx", 0.85, 0.78), series=FORWARDED,
        ),
        Scenario(
            "handshake", "TLS 1.3: a full handshake and a request",
            lambda shot: clients(shot, shot.proxy.https, 16, "handshake", "--ca", shot.ca, *call(shot)),
            TLS, Goal("proxy", "nginx", 0.65, 0.58), series=FORWARDED,
        ),
        Scenario(
            "http2", "HTTP/2 over TLS 1.3, 8 connections with 8 streams",
            lambda shot: h2load(shot, tls(shot), "-c8", "-m8"),
            TLS, Goal("proxy", "nginx", 0.90, 0.59), series=FORWARDED,
            required=r"Application protocol: h2\n", refused=H2LOAD_FAILED,
        ),
        Scenario(
            "upload", "1 MiB upload, 8 connections",
            lambda shot: wrk(shot, plain(shot, shot.call.upload_path), connections=8,
                             script="upload.lua"),
            ALL, Goal("proxy", "haproxy", 0.60, 0.45), series=FORWARDED,
        ),
        refusal(421, "421 for an App of another region", lambda call: call.foreign_path, True,
                "app_lives_elsewhere"),
        refusal(401, "401 without a token", lambda call: call.path, False, "token_missing"),
        Scenario(
            "refuse-hello", "ClientHello refused for its name",
            lambda shot: clients(shot, shot.proxy.https, 16, "hello", "--name", NO_SUCH_NAME),
            TLS, counted_by="generator", series=(refusals("rest", "tls_name"),),
        ),
    ]  # fmt: skip


def refusal(status, title, path, token, code):
    return Scenario(
        f"refuse-{status}", title,
        lambda shot: wrk(shot, refusing(shot, status, path(shot.call)), token=token),
        TLS, counted_by="generator", series=(refusals("rest", code),),
        required=r"Non-2xx or 3xx responses: (\d+)", refused=r"Socket errors: connect [^0]",
    )  # fmt: skip


def refusals(plane, code):
    return f'domicile_refusals_total{{code="{code}",plane="{plane}"}}'


def busy(connections):
    """The same with few connections and with many."""

    def scenario(name, count, goal=None):
        return Scenario(
            name, f"HTTP/1.1 keep-alive, {count:,} connections, all busy",
            lambda shot: wrk(shot, plain(shot), connections=count),
            ALL, goal, warm_up=max(1.0, count / 1000), series=FORWARDED,
            connections=count,
        )  # fmt: skip

    few = scenario("connections-64", 64)
    many = scenario(f"connections-{connections}", connections, Goal("scenario", few.name, 1.5, 1.2))
    return [few, many]


def threads():
    """One and two threads or workers, on two cores that they share with the load."""

    def scenario(count, goal=None):
        return Scenario(
            f"cores-{count}", f"HTTP/1.1 on shared cores, threads: {count}",
            lambda shot: wrk(shot, plain(shot)),
            ["nginx", "domicile"], goal, series=FORWARDED,
        )  # fmt: skip

    return [scenario(1), scenario(2, Goal("scenario", "cores-1", 1.10, 1.0))]


def many_apps(few, many, files):
    """Requests for few Apps and for many, where few are known and where many are."""

    def scenario(name, title, requests, count, goal=None):
        return Scenario(
            name, f"{title}, each asked for with a token of its own",
            lambda shot: wrk(shot, plain(shot), token=False, script="requests.lua",
                             arguments=[requests, 0, count, "spread"]),
            ["nginx", "domicile"], goal, warm_up=3.0,
            series=('domicile_registry_lookups_total{result="here"}',),
        )  # fmt: skip

    growth = Goal("scenario", f"apps-{few}", 1.10, 1.03)
    return [
        scenario(f"apps-{few}", f"{few:,} Apps", files[few], few),
        scenario(f"apps-{few}-of-{many}", f"{few:,} Apps of {many:,}", files[many], few, growth),
        scenario(f"apps-{many}", f"{many:,} Apps", files[many], many, growth),
    ]


def cold(many, pairs, requests):
    """Each measurement has a part of the Apps to itself, and none is asked for twice."""
    share = many // pairs

    return Scenario(
        "cold", "an App not seen before, and a token of its own",
        lambda shot: wrk(shot, plain(shot), token=False, script="requests.lua",
                         arguments=[requests, shot.repetition * share, share, "walk"]),
        ["nginx", "domicile"], series=('domicile_registry_lookups_total{result="here"}',),
    ), share  # fmt: skip
