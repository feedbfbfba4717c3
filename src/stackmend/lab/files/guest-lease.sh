#!/bin/busybox ash
# Called by udhcpc with what it learned: $interface, $ip, $mask (bits), $router, $mtu.
export PATH=/bin
[ "$1" = bound ] || exit 0
[ -z "$mtu" ] || ip link set "$interface" mtu "$mtu"
ip address replace "$ip/$mask" dev "$interface"
for gateway in $router; do
    ip route replace default via "$gateway"
    break
done
echo "stackmend-guest address=$ip" > /dev/console
