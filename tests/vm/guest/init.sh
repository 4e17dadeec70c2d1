#!/bin/sh
# The guest's process 1: mounts, network, udev, then the agent. Ends the VM when the agent ends.
export PATH=/usr/sbin:/usr/bin HOME=/root LC_ALL=C.UTF-8
case " $(busybox cat /proc/cmdline) " in *" camweave.init=systemd "*) exec /bin/sh /payload/guest/systemd.sh ;; esac
busybox mount -t tmpfs run /run
busybox mount -t tmpfs tmp /tmp
mkdir -p /dev/pts /dev/shm /run/log /run/lock
busybox mount -t devpts pts /dev/pts
busybox mount -t tmpfs shm /dev/shm
busybox mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
busybox hostname camweave-vm
for module in virtio_net $(busybox sed -n 's/.*camweave.modules=\([^ ]*\).*/\1/p' /proc/cmdline | busybox tr , ' '); do
  modprobe "$module"
done
busybox ip link set lo up
busybox ip address add 10.0.2.15/24 dev eth0
busybox ip link set eth0 up
busybox ip route add default via 10.0.2.2
/usr/lib/systemd/systemd-udevd --daemon
python3 -I -S /payload/guest/agent.py &
wait $!
echo "CAMWEAVE-VM agent ended with $?"
sync
busybox poweroff -f
