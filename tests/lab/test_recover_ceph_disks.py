"""A node whose nova keeps its instances' disks in Ceph dies: nothing is lost, though no file of them is shared."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from beating import machines
from fleet import Ended, Fleet, until
from recovering import readmitted

from stackmend.lab import beat

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(600, func_only=True)]

Command = Callable[..., Ended]
Script = Callable[[str, str], str]
NODE, TARGET = "c03", "c01"
"""Two nodes that do not see each other's files."""
IN_CEPH = r"""
cp -p /etc/nova/nova.conf /etc/nova/nova.conf.before
secret=$(virsh -q secret-list | awk '/client.cinder/ { print $1 }')
cat >>/etc/nova/nova.conf <<END
[libvirt]
images_type = rbd
images_rbd_pool = volumes
images_rbd_ceph_conf = /etc/ceph/ceph.conf
rbd_user = cinder
rbd_secret_uuid = $secret
END
systemctl restart nova-compute
"""
IN_FILES = "mv /etc/nova/nova.conf.before /etc/nova/nova.conf; systemctl restart nova-compute"


@pytest.fixture(scope="module")
def in_ceph(on_node: Script, fleet: Fleet) -> Iterator[None]:
    """Both nodes keep disks in Ceph."""
    nodes = (NODE, TARGET)
    for node in nodes:
        on_node(node, IN_CEPH)
    for node in nodes:
        until(lambda n=node: fleet.service(n)["state"] == "up", f"{node} is up")  # type: ignore[misc]
    yield
    fleet.clear()
    for node in nodes:
        on_node(node, IN_FILES)


def boots(fleet: Fleet, instance: str) -> list[int]:
    """Return the boot that each beat on an instance's console belongs to, by the count on its own disk."""
    answer = fleet.cloud.compute.post(f"/servers/{instance}/action", json={"os-getConsoleOutput": {}})
    return [one.boot for one in beat.parse_all(answer.json().get("output", "").splitlines())]


@pytest.mark.usefixtures("in_ceph")
def test_its_root_disk_is_kept_where_the_target_sees_the_image(
    stackmend: Command, fleet: Fleet, healed: Callable[..., None]
) -> None:
    instance = fleet.boot("recover-in-ceph", NODE)
    fleet.wait(instance, "active")
    until(lambda: bool(boots(fleet, instance)), "it beats")
    before = boots(fleet, instance)[-1]
    healed("power-cut", NODE)
    plan = stackmend("node", "recover", NODE, "--plan", "--target", TARGET).out
    assert f"root disk kept ({TARGET} shares its storage)" in " ".join(plan.split())
    done = stackmend("node", "recover", NODE, "--yes", "--target", TARGET)
    assert done.status == 0, done.out + done.err
    assert (fleet.host(instance), fleet.state(instance), machines(instance)) == (TARGET, "active", 1)
    until(lambda: boots(fleet, instance)[-1:] == [before + 1], "it goes on, from its disk")
    assert stackmend("lab", "heal", "power-cut", NODE).status == 0
    readmitted(stackmend, fleet, NODE)
