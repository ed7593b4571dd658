"""Each example, alone and with each of the chart's switches the other way."""

import json
import os
import re
import tempfile
import tomllib
import unittest

import yaml

import chart
from node import Node

TOGGLES = {
    "deployment": {"persistence": {"enabled": False}},
    "storage class": {"persistence": {"storageClass": "encrypted"}, "requireAnchor": True},
    "without msync": {"services": {"msync": {"enabled": False}}},
    "without admin": {"services": {"admin": {"enabled": False}}},
    "cluster only": {"services": {"https": {"type": "ClusterIP"}, "msync": {"type": "NodePort"}}},
    "balancer": {"services": {"https": {"annotations": {"a/b": "c: {d}"}, "loadBalancerSourceRanges": ["198.51.100.0/24"]}}},
    "ipv6": {"ipv6": True, "networkPolicy": {"clients": ["2001:db8::/32", "203.0.113.7"]}},
    "no network policy": {"networkPolicy": {"enabled": False}},
    "closed": {"networkPolicy": {"adminFrom": [], "opsFrom": []}},
    "resolver on the node": {"networkPolicy": {"dns": {"addresses": ["169.254.20.10"]}}},
    "autoscaling": {"autoscaling": {"enabled": True}},
    "autoscaled deployment": {"autoscaling": {"enabled": True}, "persistence": {"enabled": False}},
    "no budget": {"podDisruptionBudget": {"enabled": False}},
    "operator": {"serviceMonitor": {"enabled": True, "labels": {"team": "im"}}, "prometheusRule": {"enabled": True}},
    "no probe": {"probe": {"apps": []}},
    "probe with a CA": {"probe": {"ca": {"configMap": "public-ca"}}},
    "placement": {"nodeSelector": {"pool": "edge"}, "tolerations": [{"key": "edge", "operator": "Exists"}],
                  "priorityClassName": "edge", "topologySpread": {"whenUnsatisfiable": "DoNotSchedule"}},
    "image": {"image": {"digest": "sha256:" + "a" * 64, "pullSecrets": ["pull"]}},
    "etcd without user and CA": {"registry": {"etcd": {"username": "", "password": {"secret": ""}, "ca": {"secret": ""}}}},
    "etcd in Pods": {"registry": {"etcd": {"egress": [], "peers": [{"podSelector": {"matchLabels": {"app": "etcd"}}}]}}},
    "administrators' certificates": {"tls": {"adminClientCa": {"secret": "admins"}}},
    "all that gateway.yaml has": {
        "cores": 2, "trusted_proxies": ["10.0.0.0/8"], "refusals": {"hint": "none"}, "tokens": {"max_age": "12h"},
        "limits": {"rate_per_app": "100/s", "body": "1MiB", "connections": 1000000, "drain_grace": "1500ms", "drain": "2m"},
        "registry": {"cache": {"capacity": 100000000}}, "log": {"level": "warn"}, "audit": {"retention": "365d"}},
    "traces": {"tracing": {
        "sample_ratio": 0.1, "parents": "anybody",
        "otlp": {"endpoint": "https://10.71.0.60:4318", "egress": ["10.71.0.60"], "ca": {"secret": "collector", "key": "ca.crt"}}}},
    "no rollout by itself": {"rollOnConfigChange": False, "podAnnotations": {"a": "b"}, "podLabels": {"team": "im"}},
}


def cases():
    """All examples as they are, and one of them with each switch."""
    for region in chart.REGIONS:
        yield region, "as it is", chart.example(region)
    for name, more in TOGGLES.items():
        yield "frankfurt", name, chart.with_values(chart.example("frankfurt"), more)


class Examples(unittest.TestCase):
    def test_render_lint_and_fit_kubernetes(self):
        for region, name, values in cases():
            with self.subTest(region=region, switch=name):
                self.assertEqual(chart.lint(values), [])
                documents = chart.render(values)
                versions = chart.KUBERNETES if name == "as it is" else chart.KUBERNETES[-1:]
                self.assertEqual(chart.faults(documents, versions), [])
                self.assertEqual(chart.of_kind(documents, "Secret"), [])

    def test_a_gateway_starts_from_each(self):
        for region, name, values in cases():
            if name == "traces" and "otel" not in os.environ.get("DOMICILE_FEATURES", ""):
                continue  # that build refuses them
            with self.subTest(region=region, switch=name), tempfile.TemporaryDirectory() as root:
                node = Node.of(root, values)
                node.initialise()
                said = node.check()
                self.assertEqual((said["faults"], said["warnings"]), ([], []))

    def test_the_schemas_see_what_is_rendered(self):
        """Or the first test would pass for any manifest."""
        documents = chart.render(chart.example("frankfurt"))
        chart.pod(documents)["spec"]["containers"][0]["securityContext"]["readOnlyRootFileSystem"] = True
        self.assertEqual(len(chart.faults(documents, chart.KUBERNETES)), len(chart.KUBERNETES))

    def test_the_checks_see_what_is_rendered(self):
        """Or the test above would pass for any configuration."""
        wrong = {"zones": {"fra1": {"egress": ["10.99.0.0/16"]}}}
        values = chart.with_values(chart.example("frankfurt"), wrong)
        with tempfile.TemporaryDirectory() as root:
            node = Node.of(root, values)
            before = {fault["path"] for fault in node.check()["faults"]}
            node.initialise()
            said = {fault["path"] for fault in node.check()["faults"]}
        self.assertIn("keys.seal.file", before)
        self.assertIn("zones.fra1.upstreams.rest[0]", said)
        self.assertNotIn("keys.seal.file", said)

    def test_the_catalogue_is_that_of_regions(self):
        rendered = chart.catalogue(chart.render(chart.example("virginia")))
        files = {p.name: yaml.safe_load(p.read_text()) for p in (chart.ROOT / "regions").glob("*.yaml")}
        self.assertEqual(rendered, files)

    def test_the_version_is_the_programs(self):
        cargo = tomllib.loads((chart.ROOT / "Cargo.toml").read_text())
        version = yaml.safe_load((chart.CHART / "Chart.yaml").read_text())["appVersion"]
        self.assertEqual(version, cargo["workspace"]["package"]["version"])

    def test_every_value_is_described_and_typed(self):
        readme = (chart.CHART / "README.md").read_text()
        schema = json.loads((chart.CHART / "values.schema.json").read_text())
        described = set(re.findall(r"`([A-Za-z0-9_.]+)`", readme))
        values = set(chart.defaults()) | {"global"}
        self.assertEqual(set(schema["properties"]), values)
        self.assertEqual(values - {name.split(".")[0] for name in described} - {"global"}, set())
