#!/bin/sh
# Plugs the prober's neutron port into a network namespace of its own; run again after each boot.
set -eu
ovs-vsctl --timeout=20 --may-exist add-port br-int prober0 -- set interface prober0 type=internal \
    'mac="$mac"' external-ids:iface-id=$port external-ids:iface-status=active 'external-ids:attached-mac="$mac"'
ip netns add prober 2> /dev/null || ip netns list | grep -q '^prober'
ip link set prober0 netns prober 2> /dev/null || ip -n prober link show prober0 > /dev/null
ip -n prober address replace $address/$prefix dev prober0
ip -n prober link set prober0 mtu $mtu up
ip -n prober link set lo up
