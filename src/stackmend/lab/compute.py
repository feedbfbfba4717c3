"""The compute nodes: libvirt and QEMU, Open vSwitch in user space, OVN's controller, nova-compute."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stackmend.lab import common, ssh, storage
from stackmend.lab.host import Host
from stackmend.lab.layers import Layer, template
from stackmend.lab.settings import CONTROLLER, Settings

_TUNNEL_DEVICE = "[NetDev]\nName=tun0\nKind=macvlan\n\n[MACVLAN]\nMode=bridge\n"
_TUNNEL_PORT = (
    # the kernel itself must not take what it sees there: br-phy, which has the same address, does
    "[Match]\nName=tun0\n\n[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nIPv4ReversePathFilter=strict\n"
)
_TUNNEL_BRIDGE = (
    "[Match]\nName=br-phy\n\n[Network]\nAddress={address}/{prefix}\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
)
_INSTANCE_PORT = (
    # Open vSwitch in user space reads and writes a tap's flags as libvirt sets it up, and at times takes it down again
    "[Match]\nName=tap*\n\n[Link]\nActivationPolicy=always-up\nRequiredForOnline=no\n\n"
    "[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
)
_NOVA_COMPUTE = "[DEFAULT]\ncompute_driver = libvirt.LibvirtDriver\n"
_NOT_HERE = ("keystone.service", "mariadb.service", "rabbitmq-server.service", "epmd.socket", "libvirt-guests.service")
"""What the packaged nova-compute.service wants beside itself, and a shutdown hook that would wait for instances."""

_ORDER = (
    "[Unit]\nAfter=ovn-controller.service openvswitch-switch.service\n[Service]\nRestart=on-failure\nRestartSec=2\n"
)

_IMPATIENT = "[Service]\nKillSignal=SIGKILL\nSuccessExitStatus=SIGKILL\n"
"""libvirtd may wait half a minute for its own threads when it is told to stop, and has systemd wait with it."""

_OVS = """\
systemctl enable -q --now openvswitch-switch
ovs-vsctl --no-wait set open . external-ids:hostname={node} external-ids:ovn-remote=tcp:{controller}:6642 \
  external-ids:ovn-encap-type=geneve external-ids:ovn-encap-ip={tunnel} external-ids:ovn-bridge-datapath-type=netdev \
  external-ids:ovn-monitor-all=true
ovs-vsctl --no-wait set-manager ptcp:6640:127.0.0.1
ovs-vsctl --may-exist add-br br-phy -- set bridge br-phy datapath_type=netdev -- --may-exist add-port br-phy tun0
# a macvlan hands in only what is sent to its own address
ovs-vsctl set bridge br-phy other-config:hwaddr="\\"$(cat /sys/class/net/tun0/address)\\""
systemctl enable -q --now ovn-host ovn-controller
systemctl enable -q --now virtlogd.socket libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd
"""


def write(layer: Layer, settings: Settings, node: str, folder: Path, passwords: Mapping[str, str]) -> None:
    """Write a compute node's files, before it boots."""
    common.write(layer, settings, node, folder, network="MACVLAN=tun0")
    common.cluster_key(layer, folder, "root", "root")
    common.cluster_key(layer, folder, "var/lib/nova", "nova")
    address = {"address": settings.tunnel_address(node), "prefix": str(settings.tunnel.prefixlen)}
    layer.put("etc/systemd/network/10-tun0.netdev", _TUNNEL_DEVICE)
    layer.put("etc/systemd/network/10-tun0.network", _TUNNEL_PORT)
    layer.put("etc/systemd/network/10-br-phy.network", _TUNNEL_BRIDGE.format(**address))
    layer.put("etc/systemd/network/10-tap.network", _INSTANCE_PORT)
    values = {**passwords, "address": settings.address(node), "databases": ""}
    layer.put("etc/nova/nova.conf", template("nova.conf", values), mode=0o640, group="nova")
    layer.put("etc/nova/nova-compute.conf", _NOVA_COMPUTE, mode=0o640, group="nova")
    layer.put("etc/libvirt/qemu.conf", template("qemu.conf", {}), mode=0o600)
    layer.put("etc/libvirt/libvirtd.conf", f'host_uuid = "{Host(settings, node).machine_id}"\n')
    layer.put("etc/systemd/system/nova-compute.service.d/lab.conf", _ORDER)
    layer.put("etc/systemd/system/libvirtd.service.d/lab.conf", _IMPATIENT)
    for unit in _NOT_HERE:
        layer.mask(unit)
    storage.write_client(layer, settings, passwords)


def hypervisor(settings: Settings, node: str) -> None:
    """Set up Open vSwitch, OVN and libvirt on a running compute node; needs nothing of the controller."""
    values = {"node": node, "controller": settings.address(CONTROLLER), "tunnel": settings.tunnel_address(node)}
    ssh.run(settings, node, _OVS.format(**values))


def nova(settings: Settings, node: str) -> None:
    """Start nova-compute, and let it start with the node from now on; needs the controller."""
    ssh.run(settings, node, "systemctl enable -q --now nova-compute\n")
