#!/bin/busybox sh
# shellcheck shell=dash
# Runs once, when an arm64 machine of the kit's starts (initrd.py puts it there).
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
busybox mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
busybox mount -t tmpfs -o mode=1777 tmpfs /dev/shm
busybox mount -t tmpfs -o mode=1777 tmpfs /tmp
busybox mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -sf /proc/self/fd /dev/fd
ln -sf fd/0 /dev/stdin
ln -sf fd/1 /dev/stdout
ln -sf fd/2 /dev/stderr
busybox hostname arm64
busybox ifconfig lo up
share() { busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=mmap "$1" "$2"; }
share rig /rig
share host /host
[ "$(date +%s)" -gt 1000000000 ] || busybox date -s "$(cat /rig/now)"
