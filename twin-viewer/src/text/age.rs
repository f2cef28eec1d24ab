//! How old something is, and when it was.

use jiff::{Timestamp, tz::Offset};

use super::Lang;

/// An age in the largest unit that says enough: `12 s`, `3 min`, `5 h`, `2 d`.
pub fn age(lang: Lang, age_ms: i64) -> String {
    let secs = age_ms.max(0) / 1000;
    let (key, count) = match secs {
        0..60 => ("age.seconds", secs),
        60..3600 => ("age.minutes", secs / 60),
        3600..86_400 => ("age.hours", secs / 3600),
        _ => ("age.days", secs / 86_400),
    };
    lang.fill(key, &[("n", &count.to_string())])
}

/// `14:05:09` in the zone that is `east_minutes` ahead of UTC.
pub fn clock_time(ms: i64, east_minutes: i32) -> String {
    format("%H:%M:%S", ms, east_minutes)
}

/// `2026-11-22 14:05:09` in the zone that is `east_minutes` ahead of UTC.
pub fn date_time(ms: i64, east_minutes: i32) -> String {
    format("%Y-%m-%d %H:%M:%S", ms, east_minutes)
}

fn format(form: &str, ms: i64, east_minutes: i32) -> String {
    let (Ok(time), Ok(offset)) =
        (Timestamp::from_millisecond(ms), Offset::from_seconds(east_minutes * 60))
    else {
        return "–".to_owned();
    };
    offset.to_datetime(time).strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_take_the_unit_that_fits() {
        for (ms, text) in [
            (-5, "0 s"),
            (12_999, "12 s"),
            (60_000, "1 min"),
            (3_600_000 * 5, "5 h"),
            (86_400_000 * 2, "2 d"),
        ] {
            assert_eq!(age(Lang::En, ms), text);
        }
        assert_eq!(age(Lang::Zh, 180_000), "3 分钟");
    }

    #[test]
    fn times_stand_in_the_readers_zone() {
        assert_eq!(clock_time(0, 480), "08:00:00");
        assert_eq!(date_time(1_790_000_000_000, 0), "2026-09-21 14:13:20");
        assert_eq!(clock_time(i64::MAX, 0), "–");
    }
}
