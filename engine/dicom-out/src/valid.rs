//! What the source's values must be to be repeated (DICOM PS3.5, 6.2).

/// Whether a UID is valid.
pub fn uid(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'))
    };
    text.len() <= 64 && text.contains('.') && text.split('.').all(part)
}

/// A date as `20260131`; the old form `2026.01.31` is brought to it.
pub fn date(text: &str) -> Option<String> {
    let digits: String = if text.len() == 10 { text.split('.').collect() } else { text.to_owned() };
    let is_one = digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit());
    let number = |from: usize, to: usize| digits[from..to].parse::<u32>().unwrap_or(0);
    (is_one && (1..=12).contains(&number(4, 6)) && (1..=31).contains(&number(6, 8))).then_some(digits)
}

/// A time as `235959.123456`, with as many parts as there are.
pub fn time(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<u32> = whole.as_bytes().chunks(2).filter_map(|two| str::from_utf8(two).ok()?.parse().ok()).collect();
    let within = parts.iter().zip([23, 59, 60]).all(|(part, most)| *part <= most);
    let fits = digits(whole) && matches!(whole.len(), 2 | 4 | 6) && within;
    let fraction = fraction.is_none_or(|fraction| whole.len() == 6 && digits(fraction) && fraction.len() <= 6);
    (fits && fraction).then(|| text.to_owned())
}

/// An age as `045Y`; a bare number is years, as in the collections that have them.
pub fn age(text: &str) -> Option<String> {
    let (number, unit) = match text.char_indices().last()? {
        (_, digit) if digit.is_ascii_digit() => (text, 'Y'),
        (at, unit) => (&text[..at], unit.to_ascii_uppercase()),
    };
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let number: u32 = number.parse().ok().filter(|number| digits && *number <= 999)?;
    let plausible = unit != 'Y' || number <= 125;
    ("DWMY".contains(unit) && plausible).then(|| format!("{number:03}{unit}"))
}

/// A code string in capitals, each value of at most 16 characters.
pub fn code(text: &str) -> Option<String> {
    let text = text.to_ascii_uppercase();
    let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b"_ \\".contains(&b);
    (text.bytes().all(fits) && text.split('\\').all(|value| value.len() <= 16)).then_some(text)
}

/// A whole number of at most 12 characters.
pub fn integer(text: &str) -> Option<String> {
    text.parse::<i32>().ok().filter(|_| text.len() <= 12).map(|number| number.to_string())
}

/// Whether bytes in any character set can be a text of at most `most` characters.
pub fn text(bytes: &[u8], most: usize) -> bool {
    // an escape switches character sets
    let printable = bytes.iter().all(|&b| b >= 0x20 && b != 0x7F || b == 0x1B);
    printable && bytes.len() <= most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_is_repaired_or_left_out() {
        for (text, expected) in [("35", Some("035Y")), ("035Y", Some("035Y")), ("6m", Some("006M")), ("148", None)] {
            assert_eq!(age(text).as_deref(), expected, "{text}");
        }
        for (text, expected) in [("20260131", true), ("2026.01.31", true), ("20261301", false), ("2026", false)] {
            assert_eq!(date(text).is_some(), expected, "{text}");
        }
        for (text, expected) in [("0830", true), ("235959.12", true), ("250000", false), ("12:00", false), ("8", false)]
        {
            assert_eq!(time(text).is_some(), expected, "{text}");
        }
        for (text, expected) in [("1.2.3", true), ("ID_001", false), ("1.02", false), ("1..2", false), ("", false)] {
            assert_eq!(uid(text), expected, "{text}");
        }
        assert_eq!((code("pa"), code("l\\f"), code("é")), (Some("PA".into()), Some("L\\F".into()), None));
        assert_eq!((integer("+1").as_deref(), integer("x")), (Some("1"), None));
        assert!(text(b"A^B", 64) && !text(b"A\nB", 64) && !text(&[b'a'; 65], 64));
    }
}
