"""Whether what is measured does what it should: right answers, and a gateway that really checks."""

import http.client
import ssl

import machine
from servers import BODY


def answers(proxy, call, certificate):
    for name, connection in connections(proxy, certificate):
        status, _, body = ask(connection, call.path, call.token)
        if (status, body) != (200, BODY):
            raise machine.Problem(f"{proxy.name} over {name} answers {status}: {body[:200]}")


def refuses(domicile, call, certificate):
    """Without a token, with a broken one, for an App of another region."""
    broken = call.token[:-8] + "AAAAAAA="
    for path, token, expected in [
        (call.path, None, (401, "token_missing")),
        (call.path, broken, (401, "token_invalid")),
        (call.foreign_path, call.token, (421, "app_lives_elsewhere")),
        ("/compare/nobody/users/u7k2m9", call.token, (404, "app_unknown")),
    ]:
        for name, connection in connections(domicile, certificate):
            status, code, body = ask(connection, path, token)
            if (status, code) != expected:
                raise machine.Problem(
                    f"domicile over {name} answers {status} {code} to {path}, not {expected}: {body}"
                )


def connections(proxy, certificate):
    context = ssl.create_default_context(cafile=certificate.ca)
    yield "HTTP", http.client.HTTPConnection("localhost", proxy.http, timeout=10)
    yield "HTTPS", http.client.HTTPSConnection("localhost", proxy.https, timeout=10, context=context)


def ask(connection, path, token):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, response.headers["Domicile-Code"], body


def checked_all(domicile, samples):
    """The gateway's own counters: at least as many tokens checked, and Apps located, as measured."""
    measured = sum(s.requests for s in samples if s.proxy == domicile.name)
    connection = http.client.HTTPConnection("127.0.0.1", domicile.ops, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    for series in (
        'domicile_tokens_verified_total{result="cached"}',
        'domicile_registry_lookups_total{result="here"}',
    ):
        if count(text, series) < measured:
            raise machine.Problem(f"{series} is {count(text, series)}, but {measured} were measured")


def count(text, series):
    lines = [line for line in text.splitlines() if line.startswith(series)]
    return float(lines[0].split()[-1]) if lines else 0
