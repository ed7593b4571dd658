"""The chart, rendered by Helm's own SDK, and its examples."""

import copy
import functools
import json
import os
import pathlib

import helm_python
import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "domicile"
EXAMPLES = ROOT / "helm" / "examples"
REGIONS = ["beijing", "frankfurt", "singapore", "virginia"]
# What the chart says it is for (kubeVersion), and the newest there is.
KUBERNETES = ["1.30", "1.34", "1.37"]
# Kinds of the Prometheus operator: no schema of them is in Kubernetes.
FOREIGN = {"ServiceMonitor", "PrometheusRule"}


def example(region):
    """The values of `helm install -f catalogue.yaml -f REGION.yaml`."""
    values = {}
    for name in ("catalogue", region):
        merge(values, yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text()))
    return values


def merge(values, more):
    """As Helm does with values: maps are merged, everything else is replaced."""
    for key, value in more.items():
        both = isinstance(value, dict) and isinstance(values.get(key), dict)
        values[key] = merge(values[key], value) if both else copy.deepcopy(value)
    return values


def defaults():
    return yaml.safe_load((CHART / "values.yaml").read_text())


def with_values(values, more):
    return merge(copy.deepcopy(values), more)


@functools.cache
def load(path):
    return helm_python.Chart.load(path)


def render(values, chart=CHART):
    """The manifests, after what `helm install` checks first."""
    loaded = load(os.fspath(chart))
    loaded.validate_schema(values)
    rendered = loaded.render(values, name="eu", namespace="domicile")
    documents = []
    for path, text in rendered.items():
        if not path.endswith("NOTES.txt"):
            documents += [one for one in yaml.load_all(text, Loader=Strict) if one]
    return documents


class Strict(yaml.SafeLoader):
    """Takes no key twice: what the second one would hide is what an attacker would write."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.YAMLError(f"twice: {twice} at {node.start_mark}")
        return super().construct_mapping(node, deep)


# YAML 1.1 has meanings for these two as values, which nobody else has.
for tag in ("value", "merge"):
    Strict.add_constructor(f"tag:yaml.org,2002:{tag}", lambda loader, node: node.value)


def lint(values):
    report = helm_python.lint(os.fspath(CHART), values, strict=True)
    return report["errors"] + [m for m in report["messages"] if m["severity"] > 1]


def faults(documents, versions):
    """What the schemas of Kubernetes say, unknown fields among it."""
    found = []
    for document in documents:
        if document["kind"] in FOREIGN:
            continue
        for version in versions:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                found.append(f"{version} {document['kind']}: {error.message}")
    return found


def of_kind(documents, kind, suffix=None):
    found = [d for d in documents if d["kind"] == kind]
    if suffix is not None:
        found = [d for d in found if d["metadata"]["name"] == f"eu-domicile{suffix}"]
    return found


def one(documents, kind, suffix=None):
    (found,) = of_kind(documents, kind, suffix)
    return found


def workload(documents):
    (found,) = of_kind(documents, "Deployment") + of_kind(documents, "StatefulSet")
    return found


def pod(documents):
    return workload(documents)["spec"]["template"]


def gateway(documents):
    """The rendered gateway.yaml, read."""
    return yaml.load(one(documents, "ConfigMap", "-config")["data"]["gateway.yaml"], Loader=Strict)


def catalogue(documents):
    files = one(documents, "ConfigMap", "-regions")["data"]
    return {name: yaml.load(text, Loader=Strict) for name, text in files.items()}


def same(one, other):
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
