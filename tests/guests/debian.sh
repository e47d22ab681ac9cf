# Makes a Debian below $1: `base` with systemd, and beside it what other inits and a second container manager add, as layers
# for an overlay: `sysvinit`, `openrc`, `lxc`. Run in mount and process namespaces of its own. $2: a mirror. $3: root's password.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
here=$1
base=$here/base
mkdir -p "$base/etc/dpkg/dpkg.cfg.d" "$base/usr/sbin"
# Nothing here has to survive a power failure; manuals and translations only make the images larger.
cat > "$base/etc/dpkg/dpkg.cfg.d/tests" <<END
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/info/*
END
printf '#!/bin/sh\nexit 101\n' > "$base/usr/sbin/policy-rc.d"
chmod 755 "$base/usr/sbin/policy-rc.d"
debootstrap --variant=minbase --include=systemd-sysv bookworm "$base" "$2"
printf 'root:%s\n' "$3" | chroot "$base" chpasswd
rm -f "$base/etc/hostname"
# Answers over a terminal are to be the program's alone.
echo "set enable-bracketed-paste off" > "$base/etc/inputrc"
rm -f "$base"/var/cache/apt/archives/*.deb
chroot "$base" apt-get -q update

layer() {
    name=$1
    shift
    mkdir -p "$here/$name" "$here/work" "$here/merged"
    mount -t overlay -o "lowerdir=$base,upperdir=$here/$name,workdir=$here/work" overlay "$here/merged"
    mount -t proc proc "$here/merged/proc"
    chroot "$here/merged" "$@"
    umount "$here/merged/proc"
    umount "$here/merged"
    rm -rf "$here/work" "$here/$name/var/cache/apt" "$here/$name/var/log"
}
install='apt-get -q -y --allow-remove-essential install --no-install-recommends'
layer sysvinit $install sysvinit-core
layer openrc $install openrc sysvinit-core
# Only unpacked: its services are of no use where each test starts containers itself. Not by `dpkg -x`, which makes a directory
# of the link /lib.
layer lxc sh -ec 'mkdir /debs; cd /debs; apt-get -q download lxc liblxc1 liblxc-common libapparmor1 busybox-static
    for deb in *.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -C / --keep-directory-symlink -x; done
    rm -r /debs /usr/share/doc /usr/share/man'

rm -rf "$base/var/lib/apt/lists" "$base"/var/cache/apt/*.bin "$here/merged"
rm -rf "$base"/usr/share/doc/* "$base"/usr/share/man/* "$base"/usr/share/locale/* "$base"/usr/share/info/*
mkdir -p "$base/var/lib/apt/lists"
