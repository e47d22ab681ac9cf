2
denylist
reject_force_umount  # comment this to allow umount -f
[all]
kexec_load errno 1
finit_module errno 1
swapon [1,0x8000,&=,0x8000]
no_such_call
