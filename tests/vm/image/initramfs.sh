#!/bin/sh
# The first program of the VM: loads what the root disk needs, mounts it and the disk with the tests' files,
# and hands over to the tests' guest/init.sh, which is not part of the image.
export PATH=/bin
bb=/bin/busybox
$bb mount -t devtmpfs dev /dev
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
for module in /modules/*; do $bb insmod "$module"; done
$bb mount -t ext4 /dev/vda /root || { echo "CAMWEAVE-VM no root disk"; $bb poweroff -f; }
$bb mount -t ext4 -o ro /dev/vdb /root/payload || { echo "CAMWEAVE-VM no payload disk"; $bb poweroff -f; }
for tree in dev proc sys; do $bb mount --move /$tree /root/$tree; done
exec $bb switch_root /root /bin/sh /payload/guest/init.sh
