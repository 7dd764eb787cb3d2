import json

from darkroom_cluster import configs, furnish, layout, programs


def test_a_kubelet_keeps_to_the_control_group_of_its_node() -> None:
    kubelet = json.loads(configs.kubelet("/darkroom-dev-1"))

    assert kubelet["cgroupRoot"] == "/darkroom-dev-1"
    assert kubelet["enforceNodeAllocatable"] == []


def test_pods_get_addresses_that_the_node_does_not_have() -> None:
    [plugin] = json.loads(configs.cni())["plugins"]

    [[pods]] = plugin["ipam"]["ranges"]
    assert pods["subnet"] == layout.PODS
    assert pods["gateway"] == layout.ADDRESS
    assert pods["rangeStart"] != layout.ADDRESS


def test_the_proxy_writes_no_sysctl() -> None:
    conntrack = json.loads(configs.kube_proxy("dev"))["conntrack"]

    assert set(conntrack.values()) == {0, "0s"}


def test_names_outside_the_cluster_are_not_forwarded() -> None:
    assert "forward" not in configs.corefile()


def test_every_config_that_a_program_reads_is_rendered() -> None:
    rendered = configs.render("dev", "/darkroom-dev-1")
    flags = [
        flag.rpartition("=")[2]
        for program in (*programs.foundation(), *programs.rest("dev"))
        for flag in program.command
    ]

    prefix = f"{programs.CONFIG}/"
    read = {flag.removeprefix(prefix) for flag in flags if flag.startswith(prefix)}
    assert {name for name in read if not name.endswith(".kubeconfig")} <= rendered.keys()


def test_controllers_keep_their_default_rate() -> None:
    [controllers] = [p for p in programs.rest("dev") if p.name == "kube-controller-manager"]

    assert not [flag for flag in controllers.command if "kube-api-" in flag or "sync" in flag]


def test_a_volume_lies_in_the_nodes_directory_and_is_for_that_node() -> None:
    spec = furnish.volume("volume-01", "dev")["spec"]

    assert spec["local"]["path"] == "/run/darkroom/volumes/volume-01"
    [term] = spec["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == ["dev"]
