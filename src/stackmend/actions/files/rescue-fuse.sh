# The way "fuse": QEMU shows each disk as a raw file, whose file systems this kernel mounts. Read by rescue-disks.sh.

close_systems() { umount "$top"/fs/* 2> /dev/null; }

mount_systems() {
    while read -r disk; do
        file=$top/$disk.raw
        : > "$file"
        open_disk "$disk" --export \
            "type=fuse,id=export,node-name=disk,mountpoint=$file,writable=off,allow-other=off,growable=off"
        mount_all "$disk" "$file"
    done < "$here/disks"
}

# Why what is read may be old; empty where it is not, or where that cannot be seen.
# stale FILE TYPE OFFSET; ext's superblock is 1024 bytes in, its incompatible features at 96, "needs recovery" is bit 2
stale() {
    case $2 in
        ext3 | ext4)
            [ $(($(od -An -tu1 -j $(($3 + 1024 + 96)) -N 1 "$1") & 4)) -eq 0 ] ||
                echo 'its journal is dirty and is not replayed: the last changes may be missing'
            ;;
        xfs) echo 'its log is not replayed: the last changes may be missing' ;;
    esac
}

# mount_one NAME FILE OFFSET SIZE
mount_one() {
    type=$(blkid -p -O "$3" -S "$4" -o value -s TYPE "$2") || type=
    case $type in
        ext2 | ext3 | ext4) options=noload ;;
        xfs) options=norecovery,nouuid ;;
        LVM2_member) found "$1" "$type" no 'a physical volume of LVM, which is never activated here' && return ;;
        '') found "$1" none no 'no file system is known on it' && return ;;
        *) found "$1" "$type" no 'this kind is not mounted' && return ;;
    esac
    mkdir -p "$top/fs/$1"
    place=loop,offset=$3,sizelimit=$4
    if said=$(mount -t "$type" -o "ro,$options,nodev,nosuid,noexec,$place" "$2" "$top/fs/$1" 2>&1); then
        found "$1" "$type" yes "$(stale "$2" "$type" "$3")"
    else
        found "$1" "$type" no "it cannot be mounted: $(echo "$said" | head -n 1)"
    fi
}

# A disk with a table is the sum of its partitions; one without may be a file system itself.
mount_all() {
    parts=$(partx --show --noheadings --output NR,START,SECTORS "$2" 2> /dev/null)
    if [ -z "$parts" ]; then
        mount_one "$1" "$2" 0 "$(stat -c %s "$2")"
        return
    fi
    while read -r number start sectors; do
        mount_one "$1.$number" "$2" $((start * 512)) $((sectors * 512))
    done <<END
$parts
END
}
