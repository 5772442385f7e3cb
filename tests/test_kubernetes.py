"""The manifests of deploy/kubernetes/ are valid, and every container in them is shut in."""

import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.run import ROOT

FOLDER = ROOT / "deploy/kubernetes"
FILES = sorted(path.name for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml")
OLDEST = "1.27"  # as kustomization.yaml says
Manifest = dict[str, Any]


def manifests(*names: str) -> Iterator[Manifest]:
    for name in names or FILES:
        yield from yaml.safe_load_all((FOLDER / name).read_text())


def pods() -> Iterator[tuple[str, Manifest]]:
    """Give each pod that a manifest makes, with the manifest's name."""
    for manifest in manifests():
        spec = manifest.get("spec", {})
        template = spec.get("jobTemplate", manifest).get("spec", {}).get("template")
        if template:
            yield manifest["metadata"]["name"], template["spec"]


def containers() -> list[tuple[str, Manifest]]:
    return [
        (f"{name}: {container['name']}", container)
        for name, pod in pods()
        for container in (*pod.get("initContainers", []), *pod["containers"])
    ]


def by_kind(kind: str) -> dict[str, Manifest]:
    return {
        manifest["metadata"]["name"]: manifest
        for manifest in manifests()
        if manifest["kind"] == kind
    }


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
@pytest.mark.parametrize("file", FILES)
def test_kubernetes_takes_it(file: str, version: str) -> None:
    for manifest in manifests(file):
        kubernetes_validate.validate(manifest, version, strict=True)


def test_kustomize_applies_all_but_the_template_of_the_secret() -> None:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    assert sorted(kustomization["resources"]) == [
        name for name in FILES if name != "secret.example.yaml"
    ]


def test_a_namespace_is_chosen_by_who_applies() -> None:
    assert {manifest["metadata"].get("namespace") for manifest in manifests()} == {None}


def test_pods_run_as_nobody_in_particular() -> None:
    assert dict(pods()).keys() == {
        "tokenry-api",
        "tokenry-pages",
        "tokenry-daily",
        "tokenry-backup",
    }
    for name, pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] >= 10_000, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name


def test_containers_can_change_nothing_and_take_no_more_than_their_share() -> None:
    for name, container in containers():
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False, name
        assert security["readOnlyRootFilesystem"] is True, name
        assert security["capabilities"] == {"drop": ["ALL"]}, name
        assert container["resources"]["limits"]["memory"], name
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}, name
        assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}, name


def test_servers_are_probed_and_have_time_to_drain() -> None:
    [settings] = manifests("configmap.yaml")
    for name, deployment in by_kind("Deployment").items():
        pod = deployment["spec"]["template"]["spec"]
        [server] = pod["containers"]
        paths = {
            kind: server[f"{kind}Probe"]["httpGet"]["path"]
            for kind in ("startup", "readiness", "liveness")
        }
        assert paths == {"startup": "/healthz", "readiness": "/readyz", "liveness": "/healthz"}, (
            name
        )
        assert (
            pod["terminationGracePeriodSeconds"] > int(settings["data"]["DRAIN_SECONDS"]) + 15
        ), name
        assert (
            deployment["spec"]["replicas"]
            > by_kind("PodDisruptionBudget")[name]["spec"]["maxUnavailable"]
        ), name


def test_the_two_servers_differ_in_names_and_memory_alone() -> None:
    pages = (FOLDER / "pages.yaml").read_text().replace("tokenry-pages", "tokenry-api")
    pages = re.sub(r"(component:|--only,) pages", r"\1 api", pages)
    differing = {
        line.split(":")[0].strip(" #")
        for line in set((FOLDER / "api.yaml").read_text().splitlines()) ^ set(pages.splitlines())
        if not line.startswith("#")
    }
    assert differing == {"resources", "limits"}


def test_every_secret_is_a_file() -> None:
    [settings], [secret] = manifests("configmap.yaml"), manifests("secret.example.yaml")
    files = {name: path for name, path in settings["data"].items() if name.endswith("_FILE")}
    assert files == {
        f"{name}_FILE": f"/run/secrets/tokenry/{name}" for name in secret["stringData"]
    }
    assert set(secret["stringData"].values()) == {""}
    assert not set(secret["stringData"]) & set(settings["data"])


def test_the_gateway_finds_the_servers() -> None:
    services = by_kind("Service")
    [ingress] = by_kind("Ingress").values()
    [rule] = ingress["spec"]["rules"]
    routes = {path["path"]: path["backend"]["service"]["name"] for path in rule["http"]["paths"]}
    assert routes == {"/api/": "tokenry-api", "/verify": "tokenry-api", "/": "tokenry-pages"}
    for name, service in services.items():
        labels = by_kind("Deployment")[name]["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
