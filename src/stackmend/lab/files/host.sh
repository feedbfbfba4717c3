#!/bin/sh
# One host of the lab, for as long as it has power: mounts its layers where nobody else sees them, boots it, and boots it
# again whenever it reboots (systemd-nspawn ends with status 133 then).
# usage: host.sh MACHINE DIR LOWERS CGROUPS NSPAWN-ARGUMENT...
set -eu
name=$1 dir=$2 lowers=$3 cgroups=$4
shift 4
for hierarchy in $cgroups; do
    mkdir -p "$hierarchy/stackmend-lab/$name"
    echo $$ > "$hierarchy/stackmend-lab/$name/cgroup.procs"
done
# as long as this host has power its layers are held: who clears the cache out leaves them alone
exec 8< "${lowers%%:*}" 9< "${lowers##*:}"
flock -s 8
flock -s 9
mount -t overlay "$name" -o "lowerdir=$lowers,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
echo "$$ $(cut -d ' ' -f 22 /proc/$$/stat)" > "$dir/pid.new"
mv "$dir/pid.new" "$dir/pid"
export UNIFIED_CGROUP_HIERARCHY=1
while :; do
    # the kernel takes a dead host's cable away in its own time
    ip link delete "vb-$name" 2>/dev/null || :
    status=0
    systemd-nspawn --directory="$dir/root" "$@" || status=$?
    [ $status -eq 133 ] || exit $status
    echo "== reboot =="
done
