"""What can be broken of one instance on its node: scripts that break it and scripts that give back what they took.

``$id`` is the instance; what a script needs to give something back it keeps in ``$kept`` on the node.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

_HEAD = """\
id={id}; kept=/var/lib/stackmend-lab; mkdir -p $kept; disk=/var/lib/nova/instances/$id/disk
state=$(virsh -q domstate $id 2> /dev/null || echo undefined)
must() {{ [ "$state" = "$1" ] || {{ echo "the instance must be $1, and it is $state" >&2; exit 1; }}; }}
"""

_UNDEFINE = """\
must 'shut off'
virsh -q dumpxml --inactive $id > $kept/$id.xml
virsh -q undefine $id
"""
_DEFINE = """\
[ -e $kept/$id.xml ] || exit 0
[ "$state" != undefined ] || virsh -q define $kept/$id.xml
rm -f $kept/$id.xml
"""

_TAKE_BASE = """\
base=$(qemu-img info -U --output=json $disk | sed -n 's/^ *"full-backing-filename": "\\(.*\\)",*$/\\1/p' | head -n 1)
echo "$base" > $kept/$id.base
mv "$base" "$base.broken"
"""
_GIVE_BASE = """\
[ -e $kept/$id.base ] || exit 0
base=$(cat $kept/$id.base)
if [ -e "$base" ]; then rm -f "$base.broken"; elif [ -e "$base.broken" ]; then mv "$base.broken" "$base"; fi
rm -f $kept/$id.base
"""

# bytes 40 to 47 of a qcow2 are where its first table is; the entry that is written there points into the header
_CORRUPT = """\
must 'shut off'
cp --sparse=always $disk $disk.before
table=$((0x$(od -An -tx1 -j40 -N8 $disk | tr -d ' \\n')))
printf '\\200\\0\\0\\0\\0\\0\\2\\0' | dd of=$disk bs=1 seek=$table conv=notrunc 2> /dev/null
"""
_UNCORRUPT = """\
[ -e $disk.before ] || exit 0
virsh -q destroy $id > /dev/null 2>&1 || true
mv $disk.before $disk
"""

# a first program that is not there: the kernel then wants a root file system, which it has none of
_PANIC = """\
must running
virsh -q dumpxml --inactive $id > $kept/$id.panic
sed 's#<cmdline>#<cmdline>rdinit=/nothing #' $kept/$id.panic > $kept/$id.new
virsh -q define $kept/$id.new
rm $kept/$id.new
virsh -q destroy $id
virsh -q start $id
for _ in $(seq 90); do ! grep -q 'Kernel panic' ${disk%/disk}/console.log || exit 0; sleep 1; done
exit 1
"""
_UNPANIC = """\
[ -e $kept/$id.panic ] || exit 0
if virsh -q dumpxml --inactive $id | grep -q rdinit=/nothing; then
  virsh -q define $kept/$id.panic
  if [ "$state" = running ]; then virsh -q destroy $id; virsh -q start $id; fi
fi
rm -f $kept/$id.panic
"""

# all that the instance has is copied into a file system that it fills; what lies under it is reached by another mount,
# which is private, so that the small file system is not mounted on it too
_FILL = """\
must 'shut off'
dir=${disk%/disk}; under=$kept/$id.dir
mkdir $under
mount --bind --make-private $dir $under
mount -t tmpfs -o size=$(($(du -sk $dir | cut -f1) + 256))k tmpfs $dir
cp -a --sparse=always $under/. $dir
dd if=/dev/zero of=$dir/filler bs=4k 2> /dev/null || true
"""
_EMPTY = """\
dir=${disk%/disk}; under=$kept/$id.dir
if mountpoint -q $under; then
  virsh -q destroy $id > /dev/null 2>&1 || true
  if mountpoint -q $dir; then
    rm -f $dir/filler
    cp -a --sparse=always $dir/. $under
    umount -l $dir
  fi
  umount $under
fi
[ ! -d $under ] || rmdir $under
"""

# the root directory is made no directory, and the superblock says that the kernel has met errors
_DAMAGE = """\
must 'shut off'
cp --sparse=always $disk $disk.before
raw=$kept/$id.raw; root=$kept/$id.root
qemu-img convert -O raw $disk $raw
dd if=$raw of=$root bs=1M skip=1 conv=sparse 2> /dev/null
e2fsck -p $root > /dev/null || [ $? -le 1 ]
for change in 'set_inode_field / mode 0' 'set_super_value state 2'; do
  debugfs -w -R "$change" $root 2> /dev/null
done
dd if=$root of=$raw bs=1M seek=1 conv=notrunc 2> /dev/null
qemu-img convert -n -f raw -O qcow2 $raw $disk
rm $raw $root
"""

# what is not a file of the node is a volume
_FORGET = """\
must 'shut off'
virsh -q dumpxml --inactive $id > $kept/$id.volumes
virsh -q domblklist --details $id | awk '$1 == "network" { print $3 }' |
  while read -r target; do virsh -q detach-disk $id $target --config; done
"""
_REMEMBER = """\
[ -e $kept/$id.volumes ] || exit 0
[ "$state" != 'shut off' ] || virsh -q define $kept/$id.volumes
rm -f $kept/$id.volumes
"""


class Place(Protocol):
    """Where an instance is, as ``stackmend.lab.fault_table.Site`` tells."""

    @property
    def instance(self) -> str:
        """Its id."""

    def run(self, script: str) -> str:
        """Run a shell script on its node."""


@dataclass(frozen=True)
class InstanceFault:
    """One way to break an instance.

    Attributes:
        name: as in ``stackmend lab break NAME INSTANCE``.
        sentence: what it does.
        inflict: script that breaks it.
        repair: script that gives it back; doing so twice does no harm.
    """

    name: str
    sentence: str
    inflict: str
    repair: str

    def on(self, script: str) -> Callable[[Place], str]:
        """Return what runs a script of this fault where an instance is."""
        return lambda place: place.run(_HEAD.format(id=place.instance) + script)


INSTANCE_FAULTS = (
    InstanceFault("missing-xml", "take a stopped instance's definition from libvirt", _UNDEFINE, _DEFINE),
    InstanceFault(
        "missing-base",
        "take away the file in _base that an instance's disk rests on; others that rest on it suffer too",
        _TAKE_BASE,
        _GIVE_BASE,
    ),
    InstanceFault("corrupt-disk", "damage the first table of a stopped instance's qcow2", _CORRUPT, _UNCORRUPT),
    InstanceFault(
        "kernel-panic",
        "have a running instance's kernel panic at each boot, until its XML is made anew",
        _PANIC,
        _UNPANIC,
    ),
    InstanceFault("disk-full", "leave a stopped instance's directory no room: it is a full file system", _FILL, _EMPTY),
    InstanceFault(
        "root-needs-fsck",
        "damage the root file system of a stopped instance's disk so that only a person may mend it",
        _DAMAGE,
        _UNCORRUPT,
    ),
    InstanceFault(
        "missing-volumes", "take its volumes from a stopped instance's definition in libvirt", _FORGET, _REMEMBER
    ),
)
"""Every fault of an instance, in the order they are listed."""
