"""What Domicile seals and signs, made by other code: docs/crypto.md in Python's `cryptography`.

    vectors.py            print the vectors (tests/crypto-interop/vectors.json)
    vectors.py FILE       open and verify the vectors of FILE, and make them anew

Needs the package `cryptography` (scripts/requirements.txt).
"""

import base64
import hashlib
import hmac
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


def part(text):
    """Of a key of the data centre: its length in front."""
    return struct.pack(">Q", len(text)) + text.encode()


def centre_key(v):
    """A key in the clear: each segment with whether it is plain."""
    names = [(False, part(name)) for name in v["names"]]
    return names + [(True, struct.pack(">Q", number)) for number in v["ids"]]


def centre_place(v, index):
    """How a key stands in the store."""
    place, front = b"", b""
    for plain, own in centre_key(v):
        front += own
        tag = hmac.digest(index, v["keyspace"].encode() + b"\0" + front, "sha256")[:16]
        place += own if plain else tag
    return place


def centre_sealed(v, keyspace, place, text):
    key, salt, nonce = (bytes.fromhex(v[name]) for name in ("key", "salt", "nonce"))
    mark = hmac.digest(key, b"domicile-datacenter-key-v1", "sha256")[:4]
    bound = keyspace.encode() + b"\0"
    own = derived(key, b"domicile-datacenter-v1", bound + place[:16] + salt)
    return b"\1" + mark + salt + nonce + AESGCM(own).encrypt(nonce, text, bound + place)


def centre_opened(v, keyspace, place, stored):
    key, bound = bytes.fromhex(v["key"]), keyspace.encode() + b"\0"
    assert stored[:1] == b"\1"
    assert stored[1:5] == hmac.digest(key, b"domicile-datacenter-key-v1", "sha256")[:4]
    salt, nonce, text = stored[5:21], stored[21:33], stored[33:]
    own = derived(key, b"domicile-datacenter-v1", bound + place[:16] + salt)
    return AESGCM(own).decrypt(nonce, text, bound + place)


def centre_text(v):
    """The key in the clear, then the value."""
    segments, end = b"", 0
    for plain, own in centre_key(v):
        end += len(own)
        segments += struct.pack(">BH", plain, end)
    names = b"".join(own for _, own in centre_key(v))
    return bytes([len(centre_key(v))]) + segments + names + v["value"].encode()


def centre_vectors():
    seal = {"key": bytes(range(64, 96)).hex(), "salt": bytes(range(1, 17)).hex()}
    seal |= {"nonce": bytes(range(17, 29)).hex()}
    index = bytes(range(96, 128))
    name_key = seal | {"text": index.hex()}
    name_key["bytes"] = centre_sealed(seal, "index", CENTRE_INDEX, index).hex()
    value = seal | {"index": index.hex(), "keyspace": "messages_one_to_one"}
    value |= {"names": ["acme#chat", "ann", "bob"], "ids": [7], "value": '{"msg":"hi"}'}
    uuid = "01a209c7-8380-7008-9b86-4d73f66f6da1"
    piece = seal | {"index": index.hex(), "keyspace": "files"}
    piece |= {"names": ["acme#chat", uuid], "ids": [0, 1], "value": "what the file says"}
    for v, text in ((value, centre_text(value)), (piece, piece["value"].encode())):
        place = centre_place(v, index)
        v["place"] = place.hex()
        v["bytes"] = centre_sealed(v, v["keyspace"], place, text).hex()
    piece["bytes"] = struct.pack(">I", len(piece["bytes"]) // 2).hex() + piece["bytes"]
    return {"centre_name_key": name_key, "centre_value": value, "centre_file": piece}


def centre_check(there):
    """From the stored bytes, the key and the place alone."""
    v = there["centre_name_key"]
    index = centre_opened(v, "index", CENTRE_INDEX, bytes.fromhex(v["bytes"]))
    assert index.hex() == v["text"]
    v = there["centre_value"]
    stored = bytes.fromhex(v["bytes"])
    assert centre_opened(v, v["keyspace"], centre_place(v, index), stored) == centre_text(v)
    v = there["centre_file"]
    length, stored = bytes.fromhex(v["bytes"])[:4], bytes.fromhex(v["bytes"])[4:]
    assert struct.unpack(">I", length) == (len(stored),)
    opened_piece = centre_opened(v, v["keyspace"], centre_place(v, index), stored)
    assert opened_piece == v["value"].encode()


CENTRE_INDEX = b"domicile-datacenter-index-v1"


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
    made = {"record": record, "account": account, "sealed_app_key": inner, "pin": statement}
    return made | centre_vectors()


def main():
    if len(sys.argv) == 1:
        print(json.dumps(vectors(), indent=2))
        return
    with open(sys.argv[1]) as file:
        there = json.load(file)
    for name in ("record", "account"):
        assert opened(there[name]) == there[name]["text"].encode(), name
    centre_check(there)
    assert there == vectors()
    print("the vectors open, verify and are made alike")


if __name__ == "__main__":
    main()
