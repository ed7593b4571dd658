"""What a node does with a Pod: lays its volumes out, and runs its containers."""

import json
import os
import pathlib
import subprocess

import chart
import pki


class Node:
    """Below `root` a Pod has the files that its manifests say, where they say, as kubelet writes them."""

    @classmethod
    def of(cls, root, values):
        """With Secrets that are made for these values."""
        whole = chart.with_values(chart.defaults(), values)
        made = pki.secrets(whole)
        return cls(root, chart.render(whole), made)

    def __init__(self, root, documents, secrets):
        self.root = pathlib.Path(root)
        self.maps = {d["metadata"]["name"]: d["data"] for d in chart.of_kind(documents, "ConfigMap")}
        self.secrets = secrets
        self.workload = chart.workload(documents)
        self.spec = self.workload["spec"]["template"]["spec"]
        for volume in self.spec["volumes"] + self.claims():
            self.write(volume)

    def claims(self):
        claims = self.workload["spec"].get("volumeClaimTemplates", [])
        return [{"name": claim["metadata"]["name"], "emptyDir": {}} for claim in claims]

    def write(self, volume):
        mounts = [m for c in self.containers() for m in c["volumeMounts"] if m["name"] == volume["name"]]
        (path,) = {mount["mountPath"] for mount in mounts}
        folder = self.inside(path)
        folder.mkdir(parents=True)
        if "configMap" in volume:
            files = {k: v.encode() for k, v in self.maps[volume["configMap"]["name"]].items()}
            atomic(folder, files, 0o644)
        elif "projected" in volume:
            atomic(folder, self.projected(volume["projected"]), volume["projected"]["defaultMode"])
        else:
            assert "emptyDir" in volume, volume

    def projected(self, volume):
        files = {}
        for source in volume["sources"]:
            for item in source["secret"]["items"]:
                assert item["path"] not in files, item
                files[item["path"]] = self.secrets[source["secret"]["name"]][item["key"]]
        return files

    def containers(self):
        return self.spec["initContainers"] + self.spec["containers"]

    def inside(self, path):
        return self.root / path.removeprefix("/")

    def arguments(self, container):
        """As in the manifest, but for where the file system begins."""
        return [a.replace("/domicile/", f"{self.root}/domicile/") for a in container["args"]]

    def initialise(self):
        for container in self.spec["initContainers"]:
            run(self.arguments(container)).check_returncode()

    def check(self):
        """What `domicile check` says to the configuration that the gateway is started with."""
        (container,) = self.spec["containers"]
        serve = self.arguments(container)
        assert serve[0] == "serve"
        config = [a for a in serve if a.startswith("--config=")]
        return json.loads(run(["check", "--output=json", *config]).stdout)


def atomic(folder, files, mode):
    """kubelet's way to write a volume: all is behind one link, and fsGroup lets the group read."""
    behind = folder / "..2026_11_26"
    for name, content in files.items():
        path = behind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode | 0o440)
    (folder / "..data").symlink_to(behind.name)
    for top in {pathlib.PurePath(name).parts[0] for name in files}:
        (folder / top).symlink_to(pathlib.Path("..data") / top)


def run(arguments):
    domicile = os.environ["DOMICILE"]
    return subprocess.run([domicile, *arguments], capture_output=True, text=True, timeout=60)
