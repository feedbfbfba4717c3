#!/bin/busybox ash
# Process 1 of the lab's guest: loads its drivers, gets its address, checks and mounts its disk, then says once a second
# that it lives, on the console and on the disk, and which disks it sees whenever they change. Words on the kernel's
# command line: dirty=MBPS rewrites that much memory a second.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /run /mnt
mount -t tmpfs -o size=75% shm /dev/shm
exec < /dev/console > /dev/console 2>&1
while read -r module; do insmod "/modules/$module"; done < /modules/order

read -r identity < /sys/class/dmi/id/product_uuid || identity=unknown
read -r mac < /sys/class/net/eth0/address || mac=none
dirty=
for word in $(cat /proc/cmdline); do
    case $word in dirty=*) dirty=${word#dirty=} ;; esac
done

# The power button is the one way a cloud has to ask for an orderly end.
button() {
    for name in /sys/class/input/event*/device/name; do
        if grep -q 'Power Button' "$name"; then
            event=${name#/sys/class/input/}
            dd if="/dev/input/${event%%/*}" of=/dev/null bs=24 count=1 2> /dev/null
            echo "stackmend-guest power-button"
            sync
            umount /mnt 2> /dev/null || mount -o remount,ro /mnt
            poweroff -f
        fi
    done
}

network() {
    ip link set lo up
    ip link set eth0 up
    until udhcpc -i eth0 -n -q -t 10 -T 1 -A 1 -O mtu -s /lease > /dev/null 2>&1; do
        echo "stackmend-guest no-lease"
    done
}

# Random bytes, so that a migration cannot leave the pages out as empty.
rewrite() {
    dd if=/dev/urandom of=/dev/shm/pattern bs=1M count=1 2> /dev/null
    while :; do
        piece=0
        while [ "$piece" -lt "$dirty" ]; do
            dd if=/dev/shm/pattern of=/dev/shm/dirty bs=1M seek="$piece" count=1 conv=notrunc 2> /dev/null
            piece=$((piece + 1))
        done
        read -r -t 1 _ <> /run/nothing
    done
}

# As Debian's initramfs does it: a root file system is checked before it is mounted, and where only a person can mend it
# there is a prompt; after its end the boot goes on.
check() {
    [ -b /dev/vda1 ] || return
    e2fsck -p /dev/vda1
    status=$?
    [ $((status & 4)) -ne 0 ] || return
    echo "fsck exited with status code $status"
    echo "The root filesystem on /dev/vda1 requires a manual fsck"
    PS1='(initramfs) ' busybox ash -i
}

sequence=0
boot=0
disks=
button &
check
if mount -t ext4 -o sync,noatime /dev/vda1 /mnt; then
    if [ -s /mnt/beats ]; then
        last=$(tail -n 1 /mnt/beats)
        eval "$(echo "$last" | grep -o 'seq=[0-9]* boot=[0-9]*')"
        sequence=$((${seq:-0} + 5)) # beyond those that were not written
    fi
    boot=$((boot + 1))
    disk=rw
else
    disk=none
fi

due=1
mkfifo /run/nothing
network &
[ -z "$dirty" ] || rewrite &
exec 3<> /run/nothing
while :; do
    sequence=$((sequence + 1))
    beat="stackmend-beat seq=$sequence boot=$boot id=$identity mac=$mac disk=$disk at=$EPOCHREALTIME"
    echo "$beat"
    set -- /sys/block/vd*
    if [ "$*" != "$disks" ]; then
        disks=$*
        echo "stackmend-guest disks ${disks//\/sys\/block\//}"
    fi
    if [ "$disk" = rw ]; then
        # A synchronous write costs more than all the rest: the first beat of a boot, then one in five.
        due=$((due - 1))
        if [ "$due" -eq 0 ]; then
            echo "$beat" >> /mnt/beats || disk=failed
            due=5
        fi
        # The file is begun anew every two hours; its last line carries the count on.
        if [ $((sequence % 7200)) -eq 0 ]; then
            echo "$beat" > /mnt/beats.new && mv /mnt/beats.new /mnt/beats
        fi
    fi
    read -r -t 1 _ <&3
done
