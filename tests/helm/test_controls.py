"""What the chart promises of Pods, Services and the network, held to what it renders."""

import json
import pathlib
import shutil
import tempfile
import unittest
from urllib.parse import urlsplit

import yaml

import chart

FRANKFURT = chart.example("frankfurt")


class Controls(unittest.TestCase):
    def setUp(self):
        self.documents = chart.render(FRANKFURT)

    def test_pods_may_do_nothing(self):
        specs = [chart.pod(self.documents)["spec"], chart.one(self.documents, "Pod")["spec"]]
        for spec in specs:
            self.assertIs(spec["automountServiceAccountToken"], False)
            context = spec["securityContext"]
            self.assertIs(context["runAsNonRoot"], True)
            self.assertGreater(context["runAsUser"], 0)
            self.assertEqual(context["seccompProfile"], {"type": "RuntimeDefault"})
            for container in spec.get("initContainers", []) + spec["containers"]:
                context = container["securityContext"]
                self.assertIs(context["readOnlyRootFilesystem"], True)
                self.assertIs(context["allowPrivilegeEscalation"], False)
                self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
                self.assertNotIn("env", container)
            for key in ("hostNetwork", "hostPID", "hostIPC"):
                self.assertNotIn(key, spec)
        account = chart.one(self.documents, "ServiceAccount")
        self.assertIs(account["automountServiceAccountToken"], False)
        self.assertEqual(chart.of_kind(self.documents, "RoleBinding"), [])

    def test_pods_stay_in_the_region(self):
        for more in ({}, {"nodeSelector": {"a": "b"}}):
            spec = chart.pod(chart.render(chart.with_values(FRANKFURT, more)))["spec"]
            required = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
            wanted = {"key": "topology.kubernetes.io/region", "operator": "In", "values": ["eu-central-1"]}
            # Terms are alternatives: a second one would let Pods out.
            self.assertEqual(required["nodeSelectorTerms"], [{"matchExpressions": [wanted]}])

    def test_a_rolling_update_never_has_too_few(self):
        documents = chart.render(chart.with_values(FRANKFURT, {"persistence": {"enabled": False}}))
        update = chart.one(documents, "Deployment")["spec"]["strategy"]["rollingUpdate"]
        self.assertEqual(update, {"maxUnavailable": 0, "maxSurge": 1})
        stateful = chart.one(self.documents, "StatefulSet")["spec"]
        self.assertEqual(stateful["updateStrategy"], {"type": "RollingUpdate"})
        for spec in (chart.pod(documents)["spec"], stateful["template"]["spec"]):
            (container,) = spec["containers"]
            self.assertEqual(container["readinessProbe"]["httpGet"], {"path": "/readyz", "port": "ops"})
            self.assertEqual(container["livenessProbe"]["httpGet"], {"path": "/healthz", "port": "ops"})

    def test_there_is_time_to_drain(self):
        units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
        cases = [("5s", "30s", 15), ("1500ms", "2m", 1), ("0s", "60m", 15), ("999ms", "1h", 600), ("1m", "500ms", 30)]
        for grace, drain, before in cases:
            more = {"limits": {"drain_grace": grace, "drain": drain}, "preStopSeconds": before}
            spec = chart.pod(chart.render(chart.with_values(FRANKFURT, more)))["spec"]
            (container,) = spec["containers"]
            self.assertEqual(container["lifecycle"], {"preStop": {"sleep": {"seconds": before}}})
            needed = before
            for span in (grace, drain):
                number = span.rstrip("smhd")
                needed += int(number) * units[span.removeprefix(number)]
            self.assertGreaterEqual(spec["terminationGracePeriodSeconds"], needed + 15)
            self.assertLess(spec["terminationGracePeriodSeconds"], needed + 20)

    def test_secrets_are_named_and_never_held(self):
        spec = chart.pod(self.documents)["spec"]
        named = {s["secret"]["name"] for v in spec["volumes"] for s in v.get("projected", {}).get("sources", [])}
        self.assertEqual(named, {"domicile-keys", "domicile-etcd", "domicile-edge", "domicile-fra1", "domicile-fra1-ca"})
        config = chart.gateway(self.documents)
        for secret in (config["keys"]["seal"], config["keys"]["pin"], config["registry"]["etcd"]["password"]):
            self.assertEqual(set(secret), {"file"})
            self.assertTrue(secret["file"].startswith("../keys/"))

    def test_the_raw_secrets_are_out_of_the_gateways_sight(self):
        spec = chart.pod(self.documents)["spec"]
        (gateway,) = spec["containers"]
        mounts = {m["name"]: m for m in gateway["volumeMounts"]}
        self.assertNotIn("secrets", mounts)
        self.assertEqual({n for n, m in mounts.items() if not m.get("readOnly")}, {"data"})
        keys = next(v for v in spec["volumes"] if v["name"] == "keys")
        self.assertEqual(keys["emptyDir"]["medium"], "Memory")

    def test_the_audit_log_outlives_its_pod_where_it_is_asked_for(self):
        spec = chart.one(self.documents, "StatefulSet")["spec"]
        self.assertEqual(spec["volumeClaimTemplates"][0]["metadata"]["name"], "data")
        self.assertEqual(spec["persistentVolumeClaimRetentionPolicy"], {"whenDeleted": "Retain", "whenScaled": "Retain"})
        data = [m for m in spec["template"]["spec"]["containers"][0]["volumeMounts"] if m["name"] == "data"]
        self.assertEqual(data, [{"name": "data", "mountPath": "/domicile/data"}])

    def test_pods_roll_when_their_configuration_does(self):
        def mark(more):
            values = chart.with_values(FRANKFURT, more)
            return chart.pod(chart.render(values))["metadata"]["annotations"]
        self.assertNotEqual(mark({}), mark({"log": {"level": "warn"}}))
        self.assertNotEqual(mark({}), mark({"rollout": "keys of 2027"}))
        self.assertNotIn("checksum/config", mark({"rollOnConfigChange": False}))


class Network(unittest.TestCase):
    def test_the_way_out_is_the_egress_guards(self):
        for region in chart.REGIONS:
            values = chart.example(region)
            config = chart.gateway(chart.render(values))
            wanted = [rule(zone["egress"], zone_urls(zone)) for zone in config["zones"].values()]
            etcd = values["registry"]["etcd"]
            wanted.append(rule(etcd["egress"], etcd["endpoints"]))
            policy = chart.one(chart.render(values), "NetworkPolicy")["spec"]
            self.assertEqual(policy["policyTypes"], ["Ingress", "Egress"])
            *ranges, names = policy["egress"]
            self.assertCountEqual(ranges, wanted)
            self.assertEqual([p["port"] for p in names["ports"]], [53, 53])
            self.assertEqual(len(names["to"]), 1)
            self.assertEqual(set(names["to"][0]), {"namespaceSelector", "podSelector"})

    def test_ports_are_taken_from_every_kind_of_url(self):
        upstreams = {"rest": ["https://im.example.net", "https://[fd00::10]:8443"],
                     "websocket": ["wss://[fd00::20]/websocket"], "msync": ["tls://im.example.net:6717"]}
        zone = {"egress": ["fd00:71::/64", "10.71.0.9"], "upstreams": upstreams,
                "channels": {"group": {"rest": ["https://10.71.0.9:9001"]}}}
        values = chart.with_values(FRANKFURT, {"zones": {"fra1": zone}})
        (first, *_) = chart.one(chart.render(values), "NetworkPolicy")["spec"]["egress"]
        # 8445: the example's own for rooms.
        self.assertEqual([p["port"] for p in first["ports"]], [443, 6717, 8443, 8445, 9001])
        self.assertEqual([t["ipBlock"]["cidr"] for t in first["to"]], ["fd00:71::/64", "10.71.0.9/32"])

    def test_traces_go_to_the_collectors_ranges_alone(self):
        otlp = {"endpoint": "https://10.71.0.60:4318", "egress": ["10.71.0.60", "fd00:71::/64"]}
        documents = chart.render(chart.with_values(FRANKFURT, {"tracing": {"otlp": otlp}}))
        egress = chart.one(documents, "NetworkPolicy")["spec"]["egress"]
        wanted = rule(["10.71.0.60/32", "fd00:71::/64"], [otlp["endpoint"]])
        self.assertEqual([r for r in egress if r == wanted], [wanted])
        self.assertEqual(chart.gateway(documents)["tracing"], {"otlp": otlp})
        without = chart.render(FRANKFURT)
        self.assertEqual(len(chart.one(without, "NetworkPolicy")["spec"]["egress"]), len(egress) - 1)
        self.assertNotIn("tracing", chart.gateway(without))

    def test_the_way_in_is_the_listeners(self):
        documents = chart.render(FRANKFURT)
        policy = chart.one(documents, "NetworkPolicy")["spec"]
        (edge, admin, ops) = policy["ingress"]
        self.assertEqual([p["port"] for p in edge["ports"]], ["https", "msync"])
        self.assertNotIn("from", edge)
        for rule_, port in ((admin, "admin"), (ops, "ops")):
            self.assertEqual([p["port"] for p in rule_["ports"]], [port])
            self.assertTrue(rule_["from"])
        listen = chart.gateway(documents)["listen"]
        ports = {p["name"]: p["containerPort"] for p in chart.pod(documents)["spec"]["containers"][0]["ports"]}
        self.assertEqual({n: int(a.rsplit(":", 1)[1]) for n, a in listen.items() if n in ports}, ports)
        self.assertEqual(set(listen) - set(ports), {"trusted_proxies"})

    def test_what_selects_gateways_finds_them_and_nothing_else(self):
        documents = chart.render(chart.with_values(FRANKFURT, {"serviceMonitor": {"enabled": True}}))
        labels = chart.pod(documents)["metadata"]["labels"].items()
        probe = chart.one(documents, "Pod")["metadata"]["labels"].items()
        selectors = [s["spec"]["selector"] for s in chart.of_kind(documents, "Service")]
        for kind, key in (("NetworkPolicy", "podSelector"), ("PodDisruptionBudget", "selector"), ("StatefulSet", "selector")):
            selectors.append(chart.one(documents, kind)["spec"][key]["matchLabels"])
        for selector in selectors:
            self.assertLessEqual(selector.items(), labels)
            self.assertFalse(selector.items() <= probe)
        monitor = chart.one(documents, "ServiceMonitor")["spec"]
        wanted = monitor["selector"]["matchLabels"].items()
        found = [s for s in chart.of_kind(documents, "Service") if wanted <= s["metadata"]["labels"].items()]
        self.assertEqual([s["metadata"]["name"] for s in found], ["eu-domicile-ops"])
        self.assertEqual(monitor["endpoints"][0]["port"], found[0]["spec"]["ports"][0]["name"])

    def test_admin_and_ops_are_not_for_outside(self):
        documents = chart.render(FRANKFURT)
        types = {s["metadata"]["name"]: s["spec"]["type"] for s in chart.of_kind(documents, "Service")}
        self.assertEqual(types, {"eu-domicile-https": "LoadBalancer", "eu-domicile-msync": "LoadBalancer",
                                 "eu-domicile-admin": "ClusterIP", "eu-domicile-ops": "ClusterIP"})
        for service in chart.of_kind(documents, "Service"):
            (port,) = service["spec"]["ports"]
            self.assertEqual(service["metadata"]["name"], f"eu-domicile-{port['targetPort']}")


class Monitoring(unittest.TestCase):
    def test_rules_are_those_of_the_files(self):
        rules = {"alert": "Moved", "expr": "up == 0", "annotations": {"summary": "{{ $labels.region }} {{ .Values.x }}"}}
        with tempfile.TemporaryDirectory() as folder:
            copied = pathlib.Path(folder, "domicile")
            shutil.copytree(chart.CHART, copied)
            (copied / "files").mkdir(exist_ok=True)
            extra = {"groups": [{"name": "extra", "rules": [rules]}]}
            (copied / "files" / "zz.yaml").write_text(yaml.safe_dump(extra))
            values = chart.with_values(FRANKFURT, {"prometheusRule": {"enabled": True}})
            groups = chart.one(chart.render(values, copied), "PrometheusRule")["spec"]["groups"]
            wanted = [g for f in sorted((copied / "files").glob("*.yaml")) for g in yaml.safe_load(f.read_text())["groups"]]
        self.assertTrue(chart.same(groups, wanted))
        self.assertIn(rules, groups[-1]["rules"])

    def test_every_target_has_the_region_that_rules_go_by(self):
        documents = chart.render(chart.with_values(FRANKFURT, {"serviceMonitor": {"enabled": True}}))
        (endpoint,) = chart.one(documents, "ServiceMonitor")["spec"]["endpoints"]
        self.assertEqual(endpoint["relabelings"], [{"targetLabel": "region", "replacement": chart.gateway(documents)["region"]}])
        self.assertNotIn("honorLabels", endpoint)

    def test_the_probe_asks_for_the_given_apps(self):
        documents = chart.render(FRANKFURT)
        apps = json.loads(chart.one(documents, "ConfigMap", "-probe")["data"]["apps.json"])
        self.assertEqual(apps, FRANKFURT["probe"]["apps"])
        pod = chart.one(documents, "Pod")
        self.assertEqual(pod["metadata"]["annotations"]["helm.sh/hook"], "test")
        self.assertEqual(pod["spec"]["containers"][0]["args"][0], "probe")


def zone_urls(zone):
    sets = [zone["upstreams"], *zone.get("channels", {}).values()]
    return [url for urls in sets for kind in ("rest", "websocket", "msync") for url in urls.get(kind, [])]


def rule(ranges, urls):
    """As the chart should have it, by other code."""
    ports = sorted({urlsplit(url).port or 443 for url in urls})
    return {"to": [{"ipBlock": {"cidr": r}} for r in ranges], "ports": [{"protocol": "TCP", "port": p} for p in ports]}
