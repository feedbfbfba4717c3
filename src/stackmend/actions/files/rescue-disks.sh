#!/bin/sh
# Holds the disks of an instance open for reading: QEMU opens each, and its file systems are mounted read-only, in the
# way that the file "way" names. Runs in a mount namespace of its own, so that nothing of it is left when it ends.
# usage: rescue-disks.sh UUID; reads DISK.node.json for each name in "disks", writes "found", then "ready" or "failed"
set -u
here=/var/lib/stackmend/rescue/$1
top=$here/mnt
rm -f "$here/ready" "$here/failed" "$here/found"

fail() {
    echo "$1" > "$here/failed"
    exit 1
}

finish() {
    close_systems
    exit 0
}

# found NAME TYPE yes|no SENTENCE
found() { printf '%s\t%s\t%s\t%s\n' "$@" >> "$here/found"; }

# open_disk NAME EXPORT...; QEMU refuses while somebody has the disk open for writing. It reads its options in order: the
# key before the disk that needs it, the disk before its export. A key of Ceph's comes from libvirt, into memory only.
open_disk() {
    name=$1
    shift
    set -- --blockdev "$(cat "$here/$name.node.json")" "$@"
    if [ -e "$here/$name.secret" ]; then
        virsh -q -c qemu:///system secret-get-value "$(cat "$here/$name.secret")" > "$top/$name.key" 2> /dev/null ||
            fail "$name cannot be opened: libvirt does not give its key"
        set -- --object "secret,id=key,format=base64,file=$top/$name.key" "$@"
    fi
    said=$(qemu-storage-daemon --daemonize --pidfile "$top/$name.pid" "$@" 2>&1) ||
        fail "$name cannot be opened: $(echo "$said" | tail -n 1)"
}

# mount_systems: opens the disks, and mounts all that is on them below $top/fs; close_systems: the reverse
. "$here/rescue-$(cat "$here/way").sh"
trap finish TERM INT

mkdir -p "$top" && mount -t tmpfs -o mode=0700 stackmend-rescue "$top" || fail 'no place to mount on can be made'
mkdir "$top/fs"
: > "$here/found"
mount_systems
echo $$ > "$here/ready.new"
mv "$here/ready.new" "$here/ready"
while :; do
    sleep 86400 &
    wait $!
done
