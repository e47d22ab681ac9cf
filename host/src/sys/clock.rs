//! The wall clock as people read it: by the zone's own file, since the C library's way to it is the larger half of glibc
//! (sys/glibc.rs).

use tz::{DateTime, TimeZone, TimeZoneSettings};

/// Where distributions have the zones (tzset(3)).
const ZONES: [&str; 2] = ["/usr/share/zoneinfo", "/etc/zoneinfo"];

/// `2026:11:23 15:04:15` in the machine's time zone, as LXC writes it; UTC where no zone can be read.
pub fn local_time() -> String {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime).tv_sec;
    let settings = TimeZoneSettings::new(&ZONES, |path| Ok(std::fs::read(path)?));
    let name = std::env::var("TZ").unwrap_or_default();
    let zone = match name.as_str() {
        "" => std::fs::read("/etc/localtime").ok().and_then(|file| TimeZone::from_tz_data(&file).ok()),
        name => settings.parse_posix_tz(name).ok(),
    };
    text(now as i64, &zone.unwrap_or_else(TimeZone::utc))
}

fn text(seconds: i64, zone: &TimeZone) -> String {
    // None: a year that no clock will show.
    let Ok(t) = DateTime::from_timespec(seconds, 0, zone.as_ref()) else { return seconds.to_string() };
    let (day, hour, minute, second) = (t.month_day(), t.hour(), t.minute(), t.second());
    format!("{:04}:{:02}:{day:02} {hour:02}:{minute:02}:{second:02}", t.year(), t.month())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Winter and summer of a zone that has both: 2026-11-23 and 2026-07-01, noon in Greenwich.
    #[test]
    fn a_zone_has_its_summer() {
        let zone = TimeZoneSettings::new(&[], |_| Ok(Vec::new())).parse_posix_tz("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert_eq!(text(1_795_435_200, &zone), "2026:11:23 13:00:00");
        assert_eq!(text(1_782_907_200, &zone), "2026:07:01 14:00:00");
        assert_eq!(text(1_782_907_200, &TimeZone::utc()), "2026:07:01 12:00:00");
    }
}
