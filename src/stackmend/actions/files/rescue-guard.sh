#!/bin/sh
# The dead man's hand of a rescue: its timer starts this when the limit has passed. Ends the reading, gives the instance
# back, and takes itself away. Fails, and is started again by systemd, as long as the instance cannot be given back.
# usage: rescue-guard.sh UUID
set -u
uuid=$1
unit=stackmend-rescue-$uuid
here=/var/lib/stackmend/rescue/$uuid
PATIENCE=3600 # seconds for a suspend that was asked for and has not come yet

ask() { virsh -q -c qemu:///system "$@"; }

# Whether QEMU was started after the suspend was asked for: then somebody gave it back before us.
is_back() { [ "/run/libvirt/qemu/$(ask domname "$uuid" | tr -d '\n').pid" -nt "$here/suspending" ]; }

is_saved() { ask list --all --with-managed-save --uuid | grep -q "$uuid"; }

# Whether libvirt has it; failing where libvirt does not answer.
is_gone() { known=$(ask list --all --uuid) || return 1; ! echo "$known" | grep -q "$uuid"; }

# Start the instance where it waits, saved; 0: nothing more to do, 1: it could not be done, 2: look again later.
give_back_now() {
    is_gone && return 0
    state=$(ask domstate "$uuid") || return 1
    if [ "$state" = 'shut off' ]; then
        is_saved || return 0 # shut off by somebody else; not ours to start
        ask start "$uuid"
        return
    fi
    is_back && return 0
    return 2
}

# The lock is not held between two looks: whoever ends the rescue meanwhile need not wait for us.
give_back() {
    waited=0
    while [ $waited -lt $PATIENCE ]; do
        flock 9
        give_back_now
        came=$?
        flock -u 9
        [ $came -eq 2 ] || return $came
        sleep 2
        waited=$((waited + 2))
    done
    return 0
}

# Let the instance go on where it is paused. One that is off is not ours to start: its node went down meanwhile.
unpause() {
    flock 9
    is_gone && return 0
    state=$(ask domstate "$uuid") && { [ "$state" != paused ] || ask resume "$uuid"; }
    came=$?
    flock -u 9
    return $came
}

exec 9>> "$here/lock"
flock 9
: > "$here/expired"
flock -u 9
systemctl stop "$unit-disks.service" 2> /dev/null
if [ -e "$here/suspending" ]; then
    give_back || exit 1
fi
if [ -e "$here/pausing" ]; then
    unpause || exit 1
fi
systemctl disable --now "$unit.timer" 2> /dev/null
rm -f "/etc/systemd/system/$unit.timer" "/etc/systemd/system/$unit.service"
systemctl daemon-reload
# what says that the limit has passed is for stackmend; nobody asks for an instance that is deleted
is_gone && rm -rf "$here"
exit 0
