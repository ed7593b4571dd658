"""What Domicile seals and signs, made by other code: docs/crypto.md in Python's `cryptography`.

    vectors.py            print the vectors (tests/crypto-interop/vectors.json)
    vectors.py FILE       open and verify the vectors of FILE, and make them anew

Needs the package `cryptography` (scripts/requirements.txt).
"""

import base64
import hashlib
import json
import struct
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def framed(*parts):
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def derived(secret, salt, info):
    return HKDF(SHA256(), 32, salt, info).derive(secret)


def context(label, name, region, revision):
    """Info and associated data of a sealing."""
    bound = [name.encode(), region.encode(), str(revision).encode()]
    return framed(label.encode(), *bound), framed(*bound)


def sealed(v):
    info, associated = context(v["label"], v["name"], v["region"], v["revision"])
    salt, nonce = bytes.fromhex(v["salt"]), bytes.fromhex(v["nonce"])
    key = derived(bytes.fromhex(v["seal_key"]), salt, info)
    key_id = v["key_id"].encode()
    head = bytes([1, len(key_id)]) + key_id + struct.pack(">Q", v["revision"])
    text = AESGCM(key).encrypt(nonce, v["text"].encode(), associated)
    return head + salt + nonce + text


def opened(v):
    """From the stored bytes, the key and the place alone."""
    stored = bytes.fromhex(v["bytes"])
    version, length = stored[0], stored[1]
    assert version == 1 and stored[2 : 2 + length] == v["key_id"].encode()
    rest = stored[2 + length :]
    (revision,) = struct.unpack(">Q", rest[:8])
    salt, nonce, text = rest[8:40], rest[40:52], rest[52:]
    info, associated = context(v["label"], v["name"], v["region"], revision)
    key = derived(bytes.fromhex(v["seal_key"]), salt, info)
    return AESGCM(key).decrypt(nonce, text, associated)


def sealed_app_key(v):
    key = derived(v["app_id"].encode(), None, b"domicile-pin-sealed-v1")
    nonce = bytes.fromhex(v["nonce"])
    associated = framed(id_hash(v["app_id"]).encode(), v["region"].encode())
    return nonce + AESGCM(key).encrypt(nonce, v["app_key"].encode(), associated)


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def id_hash(app_id):
    return sha256("domicile-app-id\0" + app_id.lower())


def signed(v):
    parts = ["domicile-pin-v1", v["kind"], v["hash"], v["exact"], v["region"], v["zone"]]
    parts += [str(v["time"]), v["pair"]]
    return framed(*(part.encode() for part in parts), bytes.fromhex(v["sealed"]))


def signature(v):
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(v["seed"])).sign(signed(v))


def pin(v):
    """As it is stored."""
    stored = {name: v[name] for name in ["kind", "hash", "exact", "region", "zone", "time", "pair"]}
    stored["sealed"] = base64.b64encode(bytes.fromhex(v["sealed"])).decode()
    stored["key"] = v["key_id"]
    stored["signature"] = base64.b64encode(signature(v)).decode()
    return json.dumps(stored, separators=(",", ":"))


def vectors():
    app_id, app_key = "970CA35de60c44645bbae8a215061b33", "acme#chat"
    salt, nonce = bytes(range(1, 33)).hex(), bytes(range(1, 13)).hex()
    seal = {"seal_key": bytes(range(32)).hex(), "key_id": "fra-2026", "region": "frankfurt"}
    seal |= {"salt": salt, "nonce": nonce}
    key_hash = sha256("domicile-app-key\0" + app_key.lower())
    record = seal | {"label": "domicile-record-v1", "name": key_hash, "revision": 7}
    record["text"] = '{"app_key":"acme#chat"}'
    account = seal | {"label": "domicile-account-v1", "name": "owner", "revision": 258, "text": "{}"}
    for v in (record, account):
        v["bytes"] = sealed(v).hex()
    inner = {"app_id": app_id, "app_key": app_key, "region": "frankfurt", "nonce": nonce}
    inner["bytes"] = sealed_app_key(inner).hex()
    statement = {
        "seed": bytes(range(32, 64)).hex(),
        "key_id": "fra-2026",
        "kind": "id",
        "hash": id_hash(app_id),
        "exact": sha256("domicile-exact\0id\0" + app_id),
        "region": "frankfurt",
        "zone": "fra1",
        "time": 1800000000,
        "pair": sha256(f"domicile-pair\0{app_id}\0{app_key}"),
        "sealed": inner["bytes"],
    }
    statement["stored"] = pin(statement)
    return {"record": record, "account": account, "sealed_app_key": inner, "pin": statement}


def main():
    if len(sys.argv) == 1:
        print(json.dumps(vectors(), indent=2))
        return
    with open(sys.argv[1]) as file:
        there = json.load(file)
    for name in ("record", "account"):
        assert opened(there[name]) == there[name]["text"].encode(), name
    assert there == vectors()
    print("the vectors open, verify and are made alike")


if __name__ == "__main__":
    main()
