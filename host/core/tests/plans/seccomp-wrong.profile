2
blacklist
mount notify
open deny
