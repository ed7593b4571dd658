"""Whether what is measured does what it should: right answers, and a gateway that really checks."""

import http.client
import ssl

import machine
from servers import BODY

# As upload.lua.
UPLOAD = b"0123456789abcdef" * 65536


def answers(proxy, call, certificate):
    for name, connection in connections(proxy, certificate):
        status, _, body = ask(connection, call.path, call.token)
        if (status, body) != (200, BODY):
            raise machine.Problem(f"{proxy.name} over {name} answers {status}: {body[:200]}")
    plain = http.client.HTTPConnection("localhost", proxy.http, timeout=10)
    status, _, body = ask(plain, call.upload_path, call.token, "POST", UPLOAD)
    if (status, body) != (200, BODY):
        raise machine.Problem(f"{proxy.name} answers an upload with {status}: {body[:200]}")
    for expected, port in proxy.refusing.items():
        status, _, body = ask(http.client.HTTPConnection("localhost", port, timeout=10), call.path, None)
        if (status, body) != (expected, BODY):
            raise machine.Problem(f"{proxy.name} answers {status}, not {expected}: {body[:200]}")


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
    yield "HTTP", http.client.HTTPConnection("localhost", proxy.http, timeout=10)
    if proxy.https:
        context = ssl.create_default_context(cafile=certificate.ca)
        https = http.client.HTTPSConnection("localhost", proxy.https, timeout=10, context=context)
        yield "HTTPS", https


def ask(connection, path, token, method="GET", upload=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connection.request(method, path, upload, headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, response.headers["Domicile-Code"], body
