//! Durations and times as people write them.

/// Seconds in a unit.
const UNITS: [(char, f64); 5] = [('s', 1.0), ('m', 60.0), ('h', 3600.0), ('d', 86_400.0), ('w', 604_800.0)];

/// The seconds of `90s`, `15m`, `12h`, `3d`, `2w`, or of a plain number of them.
pub(super) fn duration(text: &str) -> Option<f64> {
    let unit = UNITS.iter().find(|(unit, _)| text.ends_with(*unit));
    let (number, seconds) = unit.map_or((text, 1.0), |(_, seconds)| (&text[..text.len() - 1], *seconds));
    decimal(number).map(|number| number * seconds)
}

/// A number that is not negative, in digits with at most one point inside.
pub(super) fn decimal(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let begins_and_ends = text.starts_with(|first: char| first.is_ascii_digit()) && text.ends_with(|last| last != '.');
    text.parse().ok().filter(|_| is_plain && begins_and_ends)
}

/// The seconds from 1970 to a time of RFC 3339, or to `@SECONDS`.
pub(super) fn time(text: &str) -> Option<f64> {
    match text.strip_prefix('@') {
        Some(seconds) => decimal(seconds),
        None => rfc3339(text),
    }
}

fn rfc3339(text: &str) -> Option<f64> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(clock, ':')?;
    let is_date = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let zone_at = rest.find(|character: char| character != '.' && !character.is_ascii_digit())?;
    let (fraction, zone) = rest.split_at(zone_at);
    let fraction = if fraction.is_empty() { 0.0 } else { decimal(&format!("0{fraction}"))? };
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    // an `f64` holds each second of the years that four digits can say
    #[allow(clippy::cast_precision_loss)]
    let seconds = (seconds - offset(zone)?) as f64;
    Some(seconds + fraction)
}

/// The seconds by which the clocks of a zone are ahead of UTC's.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('+') { 1 } else { -1 };
    let [hours, minutes] = numbers(zone.strip_prefix(['+', '-'])?, ':')?;
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes) * 60)
}

/// So many numbers between separators, of digits alone.
fn numbers<const N: usize>(text: &str, separator: char) -> Option<[i64; N]> {
    let parts = text.split(separator);
    let numbers = parts
        .map(|part| part.parse().ok().filter(|_| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())));
    numbers.collect::<Option<Vec<_>>>()?.try_into().ok()
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Of a date of the Gregorian calendar: years begin in March here, so that a leap day is the last one of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days_before_1970 = 719_468;
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - days_before_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations() {
        for (text, seconds) in [
            ("90s", 90.0),
            ("90", 90.0),
            ("15m", 900.0),
            ("12h", 43_200.0),
            ("3d", 259_200.0),
            ("2w", 1_209_600.0),
            ("0.5s", 0.5),
            ("1.5h", 5400.0),
        ] {
            assert_eq!(duration(text), Some(seconds), "{text}");
        }
        for text in ["", "s", "3 d", "-1", "3D", "1e3", ".5", "5.", "inf", "nan", "1h30m", "1.2.3"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn reads_times() {
        for (text, seconds) in [
            ("@0", 0.0),
            ("@1764439200.5", 1_764_439_200.5),
            ("1970-01-01T00:00:00Z", 0.0),
            ("2026-11-29T18:00:00Z", 1_795_975_200.0),
            ("2026-11-29t18:00:00.25z", 1_795_975_200.25),
            ("2026-11-29 19:00:00+01:00", 1_795_975_200.0),
            ("2026-11-29T12:30:00-05:30", 1_795_975_200.0),
            ("2024-02-29T00:00:00Z", 1_709_164_800.0),
            ("2024-03-01T00:00:00Z", 1_709_251_200.0),
            ("2100-01-01T00:00:00Z", 4_102_444_800.0),
        ] {
            assert_eq!(time(text), Some(seconds), "{text}");
        }
        for text in [
            "",
            "@",
            "tomorrow",
            "2026-11-29",
            "2026-11-29T18:00:00",
            "2026-11-29T18:00Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-29T24:00:00Z",
            "2026-11-29T18:00:00.Z",
            "2026-11-29T18:00:00+1",
            "2026-11-29T18:00:00Z ",
            "+026-11-29T18:00:00Z",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
