//! Ids and times as the files show them: one way to write each, and nothing else is read.

use crate::Error;

const DAY: i64 = 86_400_000_000;
/// The first moment of the year 10000, in microseconds since 1970.
const END: i64 = 253_402_300_800_000_000;

/// With hyphens, in small letters.
pub fn uuid(bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or_default());
        }
    }
    text
}

/// What [`uuid`] wrote.
pub fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 16];
    let mut to = bytes.iter_mut();
    let mut rest = text.as_slice();
    for (group, length) in [4, 2, 2, 2, 6].into_iter().enumerate() {
        if group > 0 {
            rest = rest.strip_prefix(b"-")?;
        }
        let (digits, behind) = rest.split_at_checked(2 * length)?;
        let mut worst = 0;
        for (pair, byte) in digits.as_chunks::<2>().0.iter().zip(&mut to) {
            let [high, low] = pair.map(digit);
            *byte = high << 4 | low & 15;
            worst |= high | low;
        }
        if worst == NONE {
            return None;
        }
        rest = behind;
    }
    Some(bytes)
}

/// Of what is no digit. All its bits are set, so that digits that are put together show one that is none.
const NONE: u8 = 0xff;

const fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        _ => NONE,
    }
}

/// RFC 3339 in UTC with microseconds: `2026-11-21T09:30:00.000000Z`.
pub fn time(micros: i64) -> Result<String, Error> {
    if !(0..END).contains(&micros) {
        return Err(Error::Time);
    }
    let (days, rest) = (micros / DAY, micros % DAY);
    let (year, month, day) = date(days);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    Ok(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z"
    ))
}

/// What [`time`] wrote, in microseconds since 1970.
pub fn parse_time(text: &str) -> Option<i64> {
    let text: &[u8; 27] = text.as_bytes().try_into().ok()?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', rest @ ..] = text else {
        return None;
    };
    let [h0, h1, b':', n0, n1, b':', s0, s1, b'.', fraction @ .., b'Z'] = rest else {
        return None;
    };
    let (year, month, day) = (
        number(&[*y0, *y1, *y2, *y3])?,
        number(&[*m0, *m1])?,
        number(&[*d0, *d1])?,
    );
    let (hour, minute, second) = (number(&[*h0, *h1])?, number(&[*n0, *n1])?, number(&[*s0, *s1])?);
    let real = year >= 1970 && (1..=12).contains(&month) && (1..=length(year, month)).contains(&day);
    if !real || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    Some(days(year, month, day) * DAY + seconds * 1_000_000 + number(fraction)?)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, byte| {
        byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'))
    })
}

const fn length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970. Years begin in March here, so that the day that is sometimes missing is the last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let month = (month + 9) % 12;
    let of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

/// The other way round.
const fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year + if month > 9 { 1 } else { 0 };
    (year, (month + 2) % 12 + 1, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_written_and_read() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for at in 0..END / DAY {
            let text = time(at * DAY + 1).unwrap();
            assert_eq!(text, format!("{year:04}-{month:02}-{day:02}T00:00:00.000001Z"));
            assert_eq!(parse_time(&text), Some(at * DAY + 1));
            day += 1;
            if day > length(year, month) {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn times_have_one_spelling() {
        assert_eq!(time(1_700_000_000_123_456).unwrap(), "2023-11-14T22:13:20.123456Z");
        assert_eq!(parse_time("2023-11-14T22:13:20.123456Z"), Some(1_700_000_000_123_456));
        assert_eq!(
            (time(-1), time(END), time(i64::MAX)),
            (Err(Error::Time), Err(Error::Time), Err(Error::Time))
        );
        for bad in [
            "2023-11-14T22:13:20Z",
            "2023-11-14T22:13:20.123456+00:00",
            "2023-11-14t22:13:20.123456Z",
            "2023-02-29T22:13:20.123456Z",
            "2023-11-14T24:13:20.123456Z",
            "2023-11-14T22:13:60.123456Z",
            "2023-00-14T22:13:20.123456Z",
            "1969-12-31T23:59:59.999999Z",
            "2023-11-14T22:13:20.12345xZ",
        ] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn ids_have_one_spelling() {
        let id = [
            0x01, 0x92, 0xf0, 0xc1, 0x2d, 0x3e, 0x7a, 0x4b, 0x8c, 0x5d, 0x6e, 0x7f, 0x80, 0x91, 0xa2, 0xb3,
        ];
        let text = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3";
        assert_eq!((uuid(&id).as_str(), parse_uuid(text)), (text, Some(id)));
        for bad in [
            "",
            "0192F0C1-2d3e-7a4b-8c5d-6e7f8091a2b3",
            "0192f0c12d3e7a4b8c5d6e7f8091a2b3",
            "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b",
        ] {
            assert_eq!(parse_uuid(bad), None, "{bad}");
        }
    }
}
