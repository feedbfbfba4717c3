"""Whether libvirt on a node answers."""

from __future__ import annotations

from stackmend.adapters.world import World
from stackmend.domain.health import LibvirtAnswer
from stackmend.domain.values import NodeName

_ASK = """
for unit in libvirtd virtqemud; do systemctl is-active --quiet $unit && { echo "daemon=$unit"; break; }; done
if list=$(timeout 15 virsh -q -c qemu:///system list --all --uuid 2>&1); then
  echo "domains=$(printf '%s' "$list" | grep -c .)"
else
  echo "error=$(printf '%s' "$list" | tr '\\n' ' ')"
fi"""


def answer(world: World, node: NodeName) -> LibvirtAnswer:
    """Return what ``virsh list`` on a node comes to within 15 seconds.

    Raises:
        Failed: the node could not be asked.
    """
    shown = dict(line.split("=", 1) for line in world.ssh.run(node, _ASK).stdout.splitlines() if "=" in line)
    domains = shown.get("domains")
    return LibvirtAnswer(
        domains=None if domains is None else int(domains),
        daemon=shown.get("daemon", ""),
        error=shown.get("error", "").strip() or ("" if domains else "no answer in 15 s"),
    )
