"""Verifies an audit log's folder, written from the specifications alone and without any package.

    python3 verify.py DIR VKEY

RFC 6962 (tree hashes), RFC 8032 (Ed25519), c2sp.org/signed-note, /tlog-checkpoint, /tlog-tiles.
Prints origin, size and root as JSON; anything wrong is an exception.
"""

import base64
import hashlib
import json
import pathlib
import struct
import sys

# Ed25519, RFC 8032 section 5.1: points (x, y) on -x^2 + y^2 = 1 + d x^2 y^2.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P
    return x, y


def times(n, point):
    result = (0, 1)
    while n:
        if n & 1:
            result = add(result, point)
        point = add(point, point)
        n >>= 1
    return result


def point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == square, "not a point of the curve"
    return (P - x if x & 1 != sign else x), y


BASE = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def verifies(public, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % L
    return s < L and times(s, BASE) == add(point(r), times(k, point(public)))


def root_of(leaves):
    """MTH of RFC 6962, section 2.1, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + root_of(leaves[:k]) + root_of(leaves[k:])).digest()


def open_note(note, vkey):
    name, key_id, key = vkey.split("+", 2)
    key = base64.b64decode(key, validate=True)
    assert key[0] == 1 and len(key) == 33, "not an Ed25519 key"
    assert key_id == hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8]
    text, signatures = note.rsplit("\n\n", 1)
    for line in signatures.splitlines():
        dash, signer, signature = line.split(" ")
        signature = base64.b64decode(signature, validate=True)
        if dash == "\u2014" and signer == name and signature[:4].hex() == key_id:
            text += "\n"
            assert verifies(key[1:], text.encode(), signature[4:]), "bad signature"
            return name, text
    raise AssertionError("not signed by this key")


def path(kind, index, width):
    parts = [f"{index % 1000:03}"]
    while index := index // 1000:
        parts.insert(0, f"x{index % 1000:03}")
    partial = "" if width == 256 else f".p/{width}"
    return f"tile/{kind}/{'/'.join(parts)}{partial}"


def entries(bundle):
    while bundle:
        (length,) = struct.unpack(">H", bundle[:2])
        yield bundle[2 : 2 + length]
        bundle = bundle[2 + length :]


def main(folder, vkey):
    name, text = open_note((folder / "checkpoint").read_text(), vkey)
    origin, size, root = text.splitlines()[:3]
    assert origin == name, "another log's checkpoint"
    leaves = []
    for index in range((int(size) + 255) // 256):
        width = min(256, int(size) - 256 * index)
        bundle = list(entries((folder / path("entries", index, width)).read_bytes()))
        assert len(bundle) == width, "a bundle is too short or too long"
        for entry in bundle:
            assert json.loads(entry)["index"] == len(leaves)
            leaves.append(hashlib.sha256(b"\x00" + entry).digest())
    # Each level's tiles: above the leaves, the roots of full tiles of the level below.
    level, hashes = 0, leaves
    while hashes:
        for index in range((len(hashes) + 255) // 256):
            tile = hashes[256 * index : 256 * (index + 1)]
            assert (folder / path(level, index, len(tile))).read_bytes() == b"".join(tile)
        full = range(len(hashes) // 256)
        level, hashes = level + 1, [root_of(hashes[256 * n : 256 * (n + 1)]) for n in full]
    assert root_of(leaves) == base64.b64decode(root, validate=True), "another root is signed"
    print(json.dumps({"origin": origin, "size": int(size), "root": root}))


main(pathlib.Path(sys.argv[1]), sys.argv[2])
