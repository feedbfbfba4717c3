# The way "libguestfs": a small virtual machine gets the disks from QEMU by a socket, mounts their file systems, those
# on LVM too, and shows their files here by FUSE; this kernel sees no block device of theirs. Read by rescue-disks.sh.

export LIBGUESTFS_BACKEND=direct LIBGUESTFS_BACKEND_SETTINGS="$(cat "$here/settings")"
export TMPDIR="$top" # libguestfs writes, as on replaying a journal, into a layer of its own that lies there
guest=
TAB=$(printf '\t')

close_systems() {
    umount "$top/fs" 2> /dev/null
    [ -z "$guest" ] || wait "$guest"
}

mount_systems() {
    set --
    while read -r disk; do
        open_disk "$disk" --nbd-server "addr.type=unix,addr.path=$top/$disk" \
            --export type=nbd,id=export,node-name=disk,name=disk,writable=off
        set -- "$@" -a "nbd:///disk?socket=$top/$disk"
    done < "$here/disks"
    cat > "$top/script" << END
run
list-filesystems | cat >$top/systems
<! . $here/rescue-libguestfs.sh; mounts
mountpoints | cat >$top/mounted
mount-local $top/fs readonly:true debugcalls:true
verbose true
! : >$top/up
mount-local-run
END
    export here top
    mkfifo "$top/said"
    grep --line-buffered -E 'libguestfs: (error|.*: mount_local_open )|supermin: ' < "$top/said" > "$here/said" &
    guestfish --ro --format=raw "$@" < "$top/script" > "$top/said" 2>&1 &
    guest=$!
    until [ -e "$top/up" ]; do
        kill -0 "$guest" 2> /dev/null || fail "libguestfs cannot open them: $(head -n 1 "$here/said")"
        sleep 0.2
    done
    while read -r device type; do
        tell "${device%:}" "$type"
    done < "$top/systems"
}

# Print what a device is called; fails where it is better not mounted, as its name is strange.
# /dev/sda1 is the first partition of the first disk, /dev/group/volume a volume of LVM
called() {
    case $1 in
        *[!A-Za-z0-9+_./-]* | *..*) return 1 ;;
        /dev/sd[a-z]*)
            letter=${1#/dev/sd}
            number=${letter#?}
            letter=${letter%"$number"}
            disk=$(sed -n "$(($(printf %d "'$letter") - 96))p" "$here/disks")
            echo "$disk${number:+.$number}"
            ;;
        /dev/*/*) echo "lvm.$(echo "${1#/dev/}" | tr / .)" ;;
        /dev/*) echo "${1#/dev/}" ;;
        *) return 1 ;;
    esac
}

# Print commands of guestfish that mount all; a line with - may fail. What ext's superblock says of its journal is kept.
mounts() {
    while read -r device type; do
        device=${device%:}
        name=$(called "$device") || continue
        case $type in swap | unknown | crypto_LUKS | BitLocker) continue ;; esac
        echo "-pread-device $device 1 1120 | od -An -tu1 >$top/dirty.$name"
        echo "-mkmountpoint /$name"
        echo "-mount-ro $device /$name"
        echo "-rmmountpoint /$name" # fails where it is mounted
    done < "$top/systems"
}

# tell DEVICE TYPE
tell() {
    name=$(called "$1") || name=$(echo "$1" | tr "$TAB" ' ')
    if ! grep -qF "$1: " "$top/mounted"; then
        found "$name" "$2" no 'this kind is not mounted, or it cannot be'
        return
    fi
    dirty=$(cat "$top/dirty.$name" 2> /dev/null)
    case $2 in ext3 | ext4) dirty=$((${dirty:-0} & 4)) ;; *) dirty=0 ;; esac
    [ "$dirty" -eq 0 ] && found "$name" "$2" yes '' && return
    found "$name" "$2" yes 'its journal is dirty; it is replayed in a layer that is thrown away'
}
