"""Reads one token with the vendor's Python package and packs and signs what it read again.

The package has no verifier, but its parser, packers and key derivation are there; they are private,
hence the mangled names.

In, one line: {"token", "certificate"}
Out, one line: {"parsed", "signed", "app_id", "issued_at", "ttl", "user_id", "privileges"}
"""

import base64
import contextlib
import hmac
import json
import sys
import zlib
from hashlib import sha256

from agoraiotools.AccessToken2 import AccessToken, ServiceChat
from agoraiotools.Packer import pack_string, pack_uint16, pack_uint32, unpack_string


def main():
    ask = json.load(sys.stdin)
    token = AccessToken()
    try:
        with contextlib.redirect_stdout(sys.stderr):  # where it prints its errors
            token.from_string(ask["token"])
    except ValueError:
        print(json.dumps({"parsed": False, "signed": False}))
        return
    chat = part(token, "service")[ServiceChat.kServiceType]
    print(json.dumps({
        "parsed": True,
        "signed": signed(token, ask),
        "app_id": part(token, "app_id").decode(),
        "issued_at": part(token, "issue_ts"),
        "ttl": part(token, "expire"),
        "user_id": chat._ServiceChat__user_id.decode(),
        "privileges": chat._Service__privileges,
    }))


def part(token, name):
    return getattr(token, f"_AccessToken__{name}")


def signed(token, ask):
    """Whether the signature in the text is the package's own over what it read."""
    content = zlib.decompress(base64.b64decode(ask["token"][3:]))
    signature, _ = unpack_string(content)
    token._AccessToken__app_cert = ask["certificate"].encode()
    services = part(token, "service")
    info = pack_string(part(token, "app_id"))
    for number in ("issue_ts", "expire", "salt"):
        info += pack_uint32(part(token, number))
    info += pack_uint16(len(services))
    for kind in sorted(services):
        info += services[kind].pack()
    made = hmac.new(token._AccessToken__signing(), info, sha256).digest()
    return hmac.compare_digest(signature, made)


main()
