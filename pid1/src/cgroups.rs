//! /proc/cgroups, read: the controllers that the kernel has switched on.

/// The controllers that can be mounted as version 1: the enabled ones. Their names are fit to be file names.
pub fn controllers(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|c| *c == b'\n').filter_map(|line| {
        let mut fields = line.split(|c| matches!(c, b'\t' | b' ')).filter(|f| !f.is_empty());
        let name = fields
            .next()
            .filter(|name| !name.starts_with(b"#") && crate::terminal::is_name(name) && !name.contains(&b'/'))?;
        (fields.nth(2)? == b"1").then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enabled_ones_only() {
        let text = b"#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t1\t4\t1\nmemory\t0\t9\t0\npids\t0\t1\t1\n../x\t0\t0\t1\nbroken\t1\n\n";
        assert_eq!(controllers(text).collect::<Vec<_>>(), [&b"cpuset"[..], b"pids"]);
    }
}
