2
denylist
mknod notify
bpf notify
unshare errno 1
