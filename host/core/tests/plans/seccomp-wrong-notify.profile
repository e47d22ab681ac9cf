2
denylist
execve notify
