"""The Secrets that a release names, with real keys and certificates in them."""

import base64
import datetime
import functools
import os
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
RAW = serialization.Encoding.Raw


def secrets(values):
    """All Secrets of a release: name -> key -> bytes. Puts the public half of its pin key into the catalogue."""
    region = values["region"]
    made = {}
    for name in values["tls"]["certificateSecrets"]:
        made[name] = pair([x509.DNSName(host) for host in hosts(values)])
    client = [x509.UniformResourceIdentifier(f"domicile://region/{region}/gateway")]
    for zone in values["zones"].values():
        tls = zone.get("tls", {})
        if "clientSecret" in tls:
            made[tls["clientSecret"]] = pair(client)
        if "ca" in tls:
            put(made, tls["ca"], authority())
    etcd = values["registry"]["etcd"]
    put(made, etcd.get("password", {}), b"a password")
    put(made, etcd.get("ca", {}), authority())
    put(made, values["tls"].get("adminClientCa", {}), authority())
    put(made, values["tracing"].get("otlp", {}).get("ca", {}), authority())
    put(made, values["keys"]["seal"], key_line("seal-1", os.urandom(32)))
    put(made, values["keys"]["pin"], pin_key(values["catalogue"]["regions"][region]["pin_keys"][0]))
    return made


def put(made, where, content):
    if where.get("secret"):
        made.setdefault(where["secret"], {})[where["key"]] = content


def hosts(values):
    endpoints = values["catalogue"]["regions"][values["region"]]["endpoints"]
    urls = [url if "//" in url else f"//{url}" for urls in endpoints.values() for url in urls]
    return sorted({urlsplit(url).hostname for url in urls})


def key_line(name, key):
    return f"# newest first\n{name} {base64.b64encode(key).decode()}\n".encode()


def pin_key(entry):
    key = ed25519.Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(RAW, serialization.PublicFormat.Raw)
    entry["key"] = base64.b64encode(public).decode()
    return key_line(entry["id"], key.private_bytes_raw())


@functools.cache
def key():
    return ec.generate_private_key(ec.SECP256R1())


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def certificate(subject, names=(), is_ca=False):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(
        named("test"), named(subject), key().public_key(), x509.random_serial_number(),
        now - datetime.timedelta(days=1), now + datetime.timedelta(days=300),
    ).add_extension(x509.BasicConstraints(is_ca, None), critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key(), hashes.SHA256()).public_bytes(PEM)


@functools.cache
def authority():
    return certificate("test", is_ca=True)


def pair(names):
    private = key().private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"tls.crt": certificate("gateway", names), "tls.key": private}
