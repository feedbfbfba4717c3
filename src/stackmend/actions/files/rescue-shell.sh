#!/bin/sh
# A shell that sees a guest's open disks below /disks, read-only, and of its node only /usr: a link in the guest to a
# file of the node leads nowhere. No network, none of the node's processes; as root it may read what it sees, no more.
# usage: rescue-shell.sh UUID SECONDS   runs on the node's side of an SSH session; ends after so many seconds
#        rescue-shell.sh UUID inside    runs in namespaces of its own
set -u
uuid=$1
unit=stackmend-rescue-$uuid
here=/var/lib/stackmend/rescue/$uuid
if [ "$2" != inside ]; then
    way=--pipe
    [ -t 0 ] && way=--pty
    # it ends with the disks, and a guard that closes them ends it
    exec systemd-run --quiet --collect --wait "$way" --unit="$unit-shell" --property="BindsTo=$unit-disks.service" \
        --property="After=$unit-disks.service" --property="RuntimeMaxSec=$2" --property=TimeoutStopSec=5 \
        --property=LimitCORE=0 --setenv="TERM=${TERM:-dumb}" nsenter -t "$(cat "$here/ready")" -m \
        unshare --mount --pid --fork --kill-child --net --ipc --uts sh "$here/rescue-shell.sh" "$uuid" inside
fi
set -e
root=$here/mnt/root
mkdir -p "$root"
mount -t tmpfs -o mode=0755 stackmend-rescue "$root"
mkdir "$root/usr" "$root/disks" "$root/dev" "$root/proc" "$root/etc" "$root/tmp"
mount --bind /usr "$root/usr"
mount -o remount,bind,ro,nosuid,nodev "$root/usr"
for name in bin sbin lib lib64; do
    [ ! -L "/$name" ] || ln -s "usr/$name" "$root/$name"
done
mount --rbind "$here/mnt/fs" "$root/disks"
mount -o remount,bind,ro,nosuid,nodev,noexec "$root/disks"
mount -t proc proc "$root/proc"
for name in null zero tty; do
    : > "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
echo 'root:x:0:0:root:/:/bin/sh' > "$root/etc/passwd"
cd "$root"
exec env -i PATH=/usr/bin:/usr/sbin:/bin:/sbin HOME=/tmp "TERM=$TERM" PS1='read-only disks \$ ' \
    chroot "$root" setpriv --no-new-privs --inh-caps=-all --bounding-set=-all,+dac_read_search \
    sh -c 'cd /disks; exec sh'
