"""Values that must be refused, and values that must stay what they are."""

import copy
import tempfile
import unittest

import helm_python

import chart
from node import Node

FRANKFURT = chart.example("frankfurt")
UPSTREAM = ["https://10.71.0.10:8443"]


def put(path, value):
    """The example with one value changed. `None` takes it out."""
    values = copy.deepcopy(FRANKFURT)
    *folders, last = path.split("/")
    place = values
    for name in folders:
        place = place.setdefault(name, {})
    if value is None:
        del place[last]
    else:
        place[last] = value
    return values


# By the schema: also `helm install`, `upgrade`, `template` and `lint` stop there.
REFUSED = {
    "no region": ("region", None),
    "an empty region": ("region", ""),
    "two regions": ("region", ["frankfurt", "virginia"]),
    "two regions in a text": ("region", "frankfurt,virginia"),
    "two regions in lines": ("region", "frankfurt\nregion: virginia"),
    "a region with a newline": ("region", "frankfurt\n"),
    "a region with a template": ("region", "{{ .Release.Name }}"),
    "a list of regions": ("regions", ["frankfurt", "virginia"]),
    "no region of nodes": ("nodeRegion", None),
    "two regions of nodes": ("nodeRegion", ["eu-central-1", "us-east-1"]),
    "a region of nodes with a quote": ("nodeRegion", 'eu-central-1", "us-east-1'),
    "no zones": ("zones", {}),
    "a zone with a newline": ("zones/fra1\nx", {"egress": ["10.0.0.0/8"], "upstreams": {"rest": UPSTREAM}}),
    "no egress": ("zones/fra1/egress", None),
    "empty egress": ("zones/fra1/egress", []),
    "egress everywhere": ("zones/fra1/egress", ["0.0.0.0/0"]),
    "egress everywhere in IPv6": ("zones/fra1/egress", ["10.71.0.0/16", "::/0"]),
    "egress everywhere mapped": ("zones/fra1/egress", ["::ffff:0.0.0.0/96"]),
    "egress to half of all": ("zones/fra1/egress", ["10.71.0.0/16", "128.0.0.0/1"]),
    "egress wider than /8": ("zones/fra1/egress", ["10.0.0.0/7"]),
    "egress wider than /16 in IPv6": ("zones/fra1/egress", ["fd00::/15"]),
    "egress with a newline": ("zones/fra1/egress", ["10.71.0.0/16\n- 0.0.0.0/0"]),
    "egress by name": ("zones/fra1/egress", ["im.example.net"]),
    "egress that is no list": ("zones/fra1/egress", "10.71.0.0/16"),
    "no upstream": ("zones/fra1/upstreams/rest", []),
    "an upstream with a comment": ("zones/fra1/upstreams/rest", ["https://10.71.0.10:8443 # x"]),
    "an upstream with a fragment": ("zones/fra1/upstreams/rest", ["https://10.71.0.10:8443#x"]),
    "an upstream with a quote": ("zones/fra1/upstreams/rest", ['https://10.71.0.10:8443"']),
    "an upstream with a user": ("zones/fra1/upstreams/rest", ["https://10.71.0.10@evil.example:8443"]),
    "an upstream with a newline": ("zones/fra1/upstreams/rest", ["https://10.71.0.10:8443\nregion: x"]),
    "an upstream with a query": ("zones/fra1/upstreams/websocket", ["wss://10.71.0.10:8443/websocket?a=b"]),
    "an upstream in plain text": ("zones/fra1/upstreams/rest", ["http://10.71.0.10:8080"]),
    "plain text allowed": ("allow_plaintext", True),
    "a port that is none": ("zones/fra1/upstreams/msync", ["tls://10.71.0.30:0"]),
    "an unknown field": ("zonez", {}),
    "an unknown field of a zone": ("zones/fra1/failover", ["https://10.41.0.10:8443"]),
    "an unknown limit": ("limits/conections", 5),
    "an unknown field of etcd": ("registry/etcd/secret", "x"),
    "an embedded registry": ("registry/embedded", {"path": "registry.redb"}),
    "a registry in plain text": ("registry/etcd/endpoints", ["http://etcd.example.net:2379"]),
    "a registry everywhere": ("registry/etcd/egress", ["0.0.0.0/0"]),
    "a registry everywhere as Pods": ("registry/etcd/peers", [{"ipBlock": {"cidr": "0.0.0.0/0"}}]),
    "a registry as any peer": ("registry/etcd/peers", [{}]),
    "traces to nobody": ("tracing/sample_ratio", 1),
    "traces to everywhere": ("tracing/otlp", {"endpoint": "https://10.71.0.60:4318", "egress": ["0.0.0.0/0"]}),
    "traces without ranges": ("tracing/otlp", {"endpoint": "https://10.71.0.60:4318"}),
    "traces in plain text": ("tracing/otlp", {"endpoint": "http://10.71.0.60:4318", "egress": ["10.71.0.60"]}),
    "more traces than requests": ("tracing", {"sample_ratio": 2, "otlp": {"endpoint": "https://10.71.0.60", "egress": ["10.71.0.60"]}}),
    "names from everywhere": ("networkPolicy/dns/addresses", ["0.0.0.0/0"]),
    "names from anybody": ("networkPolicy/dns/podLabels", {"k8s-app": None}),
    "a password": ("registry/etcd/password/value", "hunter2"),
    "a seal key": ("keys/seal/value", "seal-1 AAAA"),
    "a pin key": ("keys/pin", "fra-2026 AAAA"),
    "a private key": ("tls/key", "-----BEGIN PRIVATE KEY-----"),
    "the name of a Secret with a path": ("tls/certificateSecrets", ["../../etc"]),
    "the name of a Secret with a quote": ("tls/certificateSecrets", ['edge", path: "']),
    "a key with a path": ("keys/seal/key", "../seal"),
    "no certificate": ("tls/certificateSecrets", []),
    "a duration without its unit": ("limits/drain", 30),
    "a duration with a template": ("limits/drain", "30s{{ 1 }}"),
    "a digest that is none": ("catalogue/digest", "sha256:abc"),
    "an image with a newline": ("image/repository", "registry.example.com/domicile\nhostNetwork: true"),
    "labels that hide a Pod": ("podLabels", {"app.kubernetes.io/component": "probe"}),
    "a line of YAML 1.1": ("catalogue/regions/frankfurt/location", "a\u0085b"),
    "a line of Unicode": ("registry/etcd/username", "a\u2028b"),
    "a mark of byte order": ("registry/etcd/username", "\ufeffa"),
    "a line of ASCII": ("catalogue/regions/frankfurt/location", "a\nregion: b"),
    "root": ("runAsUser", 0),
    "an App that is none": ("probe/apps", [{"app_key": "acme#a\"b", "region": "frankfurt"}]),
    "a Pod of another kind": ("extraContainers", [{"name": "x"}]),
    "no replica": ("replicas", 0),
}

# By the templates, for a schema cannot compare.
CONTRADICTIONS = {
    "a region that nobody knows": ("region", "atlantis", "is not in catalogue.regions"),
    "another region's zone": ("zones/va1", {"egress": ["10.41.0.0/16"], "upstreams": {"rest": UPSTREAM}}, "exactly those of frankfurt"),
    "only another region's zone": ("region", "virginia", "exactly those of virginia"),
    "a password for nobody": ("registry/etcd/username", "", "go together"),
    "an etcd nowhere": ("registry/etcd/egress", [], "egress or peers"),
    "an App of no region": ("probe/apps", [{"app_key": "acme#probe", "region": "atlantis"}], "probe.apps"),
    "an anchor that is gone": ("requireAnchor", True, "persistence.enabled"),
    "fewer at most than at least": ("autoscaling/maxReplicas", 1, "minReplicas"),
}

# Texts that YAML or a template could take for something else.
TEXTS = [
    'a", "b', "a' b", "a # b", "a: b", "- a", "{a: b}", "[a]", "{{ .Release.Name }}", "${HOME}", "!!int 5", "%YAML 1.1",
    "*a", "&a", "@a", "`a`", "|", ">", "| a", "? a", "null", "~", "no", "true", "1", "1e3", "0o17", "0x1F", "012", "1_0", ".inf",
    "2026-11-26", "--- a", "...", " a", "a ", "\u00e4\u4eac", "\\n", "<<", "=",
]


class Hostile(unittest.TestCase):
    def test_the_schema_refuses(self):
        chart.render(FRANKFURT)
        loaded = chart.load(str(chart.CHART))
        for name, (path, value) in REFUSED.items():
            with self.subTest(name):
                values = put(path, value)
                self.assertRaises(helm_python.HelmValuesError, loaded.validate_schema, values)
                self.assertNotEqual(chart.lint(values), [])

    def test_contradictions_fail_the_templates(self):
        loaded = chart.load(str(chart.CHART))
        for name, (path, value, said) in CONTRADICTIONS.items():
            with self.subTest(name):
                values = put(path, value)
                values["persistence"] = {"enabled": path != "requireAnchor"}
                loaded.validate_schema(values)
                self.assertRaisesRegex(helm_python.HelmError, said, chart.render, values)

    def test_a_zone_left_out_fails_the_templates(self):
        values = chart.example("beijing")
        del values["zones"]["vip6"]
        self.assertRaisesRegex(helm_python.HelmError, "bj1, vip6", chart.render, values)

    def test_texts_stay_texts(self):
        """In the configuration, as a YAML parser and as the gateway read it."""
        before = chart.render(FRANKFURT)
        for text in TEXTS:
            with self.subTest(text=text), tempfile.TemporaryDirectory() as root:
                values = chart.with_values(FRANKFURT, {
                    "registry": {"etcd": {"username": text}},
                    "catalogue": {"regions": {"frankfurt": {"location": text}}},
                    "rollout": text, "podAnnotations": {"note": text},
                    "services": {"https": {"annotations": {"note": text}}},
                })
                self.check(before, chart.render(values), text)
                node = Node.of(root, values)
                node.initialise()
                self.assertEqual(node.check()["faults"], [])

    def check(self, before, after, text):
        config, was = chart.gateway(after), chart.gateway(before)
        self.assertEqual(config["registry"]["etcd"].pop("username"), text)
        was["registry"]["etcd"].pop("username")
        self.assertEqual(config, was)
        regions, were = chart.catalogue(after), chart.catalogue(before)
        self.assertEqual(regions["frankfurt.yaml"].pop("location"), text)
        were["frankfurt.yaml"].pop("location")
        self.assertEqual(regions, were)
        annotations = chart.pod(after)["metadata"]["annotations"]
        self.assertEqual((annotations["domicile/rollout"], annotations["note"]), (text, text))
        self.assertEqual(chart.one(after, "Service", "-https")["metadata"]["annotations"], {"note": text})
        self.assertEqual([(d["kind"], d["metadata"]["name"]) for d in after], [(d["kind"], d["metadata"]["name"]) for d in before])
        self.assertEqual(chart.pod(after)["spec"], chart.pod(before)["spec"])
