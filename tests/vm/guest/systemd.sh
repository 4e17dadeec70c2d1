#!/bin/sh
# The guest's process 1 where a test wants a machine with systemd: adds the agent as a service, and becomes systemd.
export PATH=/usr/sbin:/usr/bin
units=/etc/systemd/system
mkdir -p $units/multi-user.target.wants
cat >$units/camweave-agent.service <<'UNIT'
[Unit]
Description=The tests' agent
After=systemd-udev-settle.service
[Service]
ExecStartPre=/usr/sbin/modprobe virtio_net
ExecStartPre=/bin/busybox ip link set lo up
ExecStartPre=/bin/busybox ip address add 10.0.2.15/24 dev eth0
ExecStartPre=/bin/busybox ip link set eth0 up
ExecStartPre=/bin/busybox ip route add default via 10.0.2.2
ExecStart=/usr/bin/python3 -I -S /payload/guest/agent.py
ExecStopPost=/bin/busybox poweroff -f
UNIT
ln -sf ../camweave-agent.service $units/multi-user.target.wants/
ln -sf /usr/lib/systemd/system/multi-user.target $units/default.target
# Nobody sits at this machine, and nothing in it is older than a minute.
for unit in getty.target console-getty.service getty@tty1.service serial-getty@ttyS0.service systemd-hwdb-update.service \
            systemd-firstboot.service systemd-timesyncd.service ldconfig.service systemd-update-done.service systemd-logind.service \
            systemd-networkd.service systemd-resolved.service systemd-pstore.service e2scrub_reap.service fstrim.timer; do
  ln -sf /dev/null $units/$unit
done
busybox cat /proc/sys/kernel/random/uuid | busybox tr -d - >/etc/machine-id
exec /usr/lib/systemd/systemd
