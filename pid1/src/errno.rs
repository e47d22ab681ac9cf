//! The symbols of errnos, which messages name in place of their texts.
//!
//! In one string, as a table of strings costs sixteen bytes for each. The numbers are those of x86, ARM and RISC-V
//! (include/uapi/asm-generic/errno.h).

/// The symbols from 1 on, without their E; `?` for the two numbers that have none.
const SYMBOLS: &str = "\
    PERM NOENT SRCH INTR IO NXIO 2BIG NOEXEC BADF CHILD AGAIN NOMEM ACCES FAULT NOTBLK BUSY EXIST XDEV NODEV \
    NOTDIR ISDIR INVAL NFILE MFILE NOTTY TXTBSY FBIG NOSPC SPIPE ROFS MLINK PIPE DOM RANGE DEADLK NAMETOOLONG \
    NOLCK NOSYS NOTEMPTY LOOP ? NOMSG IDRM CHRNG L2NSYNC L3HLT L3RST LNRNG UNATCH NOCSI L2HLT BADE BADR XFULL \
    NOANO BADRQC BADSLT ? BFONT NOSTR NODATA TIME NOSR NONET NOPKG REMOTE NOLINK ADV SRMNT COMM PROTO MULTIHOP \
    DOTDOT BADMSG OVERFLOW NOTUNIQ BADFD REMCHG LIBACC LIBBAD LIBSCN LIBMAX LIBEXEC ILSEQ RESTART STRPIPE USERS \
    NOTSOCK DESTADDRREQ MSGSIZE PROTOTYPE NOPROTOOPT PROTONOSUPPORT SOCKTNOSUPPORT OPNOTSUPP PFNOSUPPORT \
    AFNOSUPPORT ADDRINUSE ADDRNOTAVAIL NETDOWN NETUNREACH NETRESET CONNABORTED CONNRESET NOBUFS ISCONN NOTCONN \
    SHUTDOWN TOOMANYREFS TIMEDOUT CONNREFUSED HOSTDOWN HOSTUNREACH ALREADY INPROGRESS STALE UCLEAN NOTNAM NAVAIL \
    ISNAM REMOTEIO DQUOT NOMEDIUM MEDIUMTYPE CANCELED NOKEY KEYEXPIRED KEYREVOKED KEYREJECTED OWNERDEAD \
    NOTRECOVERABLE RFKILL HWPOISON";

/// The symbol of an errno without its E: `NOENT`. `None` for a number that has none.
#[must_use]
pub fn symbol(errno: i32) -> Option<&'static str> {
    let at = usize::try_from(errno).ok()?.checked_sub(1)?;
    SYMBOLS.split(' ').nth(at).filter(|symbol| *symbol != "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_syscalls_crate_has_them() {
        for n in -1..200 {
            let theirs =
                (n > 0).then(|| syscalls::Errno::new(n).name()).flatten().and_then(|name| name.strip_prefix('E'));
            match symbol(n) {
                Some(ours) => {
                    assert!(Some(ours) == theirs || ["AGAIN", "DEADLK"].contains(&ours), "{n}: {ours} {theirs:?}")
                }
                None => assert_eq!(theirs, None, "{n}"),
            }
        }
    }
}
