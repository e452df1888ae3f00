//! DICOM's ages: a number and a unit (PS3.5, Age String).

/// The highest plausible age, in years; some collections contain 148 and 412.
const OLDEST: f64 = 125.0;

/// The years of `045Y`, `018M`, `003W` or `010D`; a bare number, as in the NIH's collection, is years. `None` for
/// anything else, and for implausible ages.
pub(super) fn years(text: &str) -> Option<f64> {
    let text = text.trim();
    let (number, days) = match text.char_indices().last()? {
        (_, digit) if digit.is_ascii_digit() => (text, 365.25),
        (at, 'Y' | 'y') => (&text[..at], 365.25),
        (at, 'M' | 'm') => (&text[..at], 365.25 / 12.0),
        (at, 'W' | 'w') => (&text[..at], 7.0),
        (at, 'D' | 'd') => (&text[..at], 1.0),
        _ => return None,
    };
    // `parse` would take `+5`, and `inf`
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let years = number.parse::<f64>().ok().filter(|_| digits)? * days / 365.25;
    (years <= OLDEST).then_some(years)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_in_every_unit() {
        let cases = [
            ("045Y", Some(45.0)),
            (" 45y ", Some(45.0)),
            ("51", Some(51.0)),
            ("6M", Some(0.5)),
            ("018M", Some(1.5)),
            ("000D", Some(0.0)),
            ("125Y", Some(125.0)),
            ("148", None),
            ("412Y", None),
            ("Y", None),
            ("", None),
            ("-5Y", None),
            ("4.5Y", None),
            ("old", None),
            ("45é", None),
        ];
        for (text, expected) in cases {
            assert_eq!(years(text), expected, "{text:?}");
        }
        assert!((years("003W").unwrap() - 21.0 / 365.25).abs() < 1e-12);
        assert!((years("010D").unwrap() - 10.0 / 365.25).abs() < 1e-12);
    }
}
