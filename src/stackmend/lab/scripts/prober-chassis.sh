#!/bin/sh
# Makes the controller a place that OVN can bind ports to: tunnels over an OVS bridge in user space.
set -eu
ip link show tun0 > /dev/null 2>&1 || ip link add tun0 link host0 type macvlan mode bridge
ip link set tun0 up
# the kernel itself must not take what it sees there: br-phy, which has the same address, does
echo 1 > /proc/sys/net/ipv4/conf/tun0/rp_filter
systemctl start openvswitch-switch
ovs-vsctl --no-wait set open . external-ids:hostname=$node external-ids:ovn-remote=tcp:$controller:6642 \
    external-ids:ovn-encap-type=geneve external-ids:ovn-encap-ip=$tunnel \
    external-ids:ovn-bridge-datapath-type=netdev external-ids:ovn-monitor-all=true
ovs-vsctl --may-exist add-br br-phy -- set bridge br-phy datapath_type=netdev -- --may-exist add-port br-phy tun0
# a macvlan hands in only what is sent to its own address
ovs-vsctl set bridge br-phy other-config:hwaddr="\"$$(cat /sys/class/net/tun0/address)\""
ip address replace $tunnel/$prefix dev br-phy
ip link set br-phy up
systemctl start ovn-controller
