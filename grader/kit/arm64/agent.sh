#!/bin/busybox sh
# Runs the commands that machine.py puts into /rig: NUMBER.sh, whose output goes to NUMBER.out, and whose status, when
# it has ended, to NUMBER.status. A line of the port names the next one and the seconds that it may take. A machine that
# is sent nothing for long, and has nothing to do, ends itself.
IDLE=900

run() {
    cd /tmp || exit
    /usr/bin/timeout -k 5 "$2" /usr/bin/bash "/rig/$1.sh" >"/rig/$1.out" 2>&1 </dev/null
    echo $? >"/rig/$1.new"
    mv "/rig/$1.new" "/rig/$1.status"
}

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root TERM=dumb LC_ALL=C.UTF-8
port=$(echo /dev/vport*p1)
exec 3<"$port"
: >/rig/ready
while :; do
    if read -r -t "$IDLE" number limit <&3; then
        [ "$number" = halt ] && break
        run "$number" "$limit" 3<&- &
    elif [ -z "$(jobs -r 2>/dev/null)" ]; then
        break
    fi
done
sync
/bin/busybox poweroff -f
