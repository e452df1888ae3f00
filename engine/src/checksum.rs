//! Checksums inside records of JSON that are read back later: journals, findings and receipts.
//!
//! A record is an object, and its checksum an entry of it, `"check"`: 16 hexadecimal digits of a SHA-256. [`seal`] and
//! [`unseal`] cover the text, byte by byte, for files that only pleura writes. [`of_json`] covers the values, for files
//! that other tools may rewrite with other blanks or another order of keys.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The key of the checksum.
pub const KEY: &str = "check";

/// Hexadecimal digits of a checksum: 64 bits.
const DIGITS: usize = 16;

/// Why a record cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChecksumError {
    /// It has no checksum.
    #[error("it has no checksum")]
    Missing,
    /// Its checksum does not match its contents.
    #[error("its checksum does not match its contents")]
    Mismatch,
}

/// Adds the checksum of a line as its last entry. `salt` is other data that the line depends on, such as the run it
/// belongs to.
///
/// # Panics
/// If `object` is not the text of a JSON object with at least one entry.
#[must_use]
pub fn seal(object: &str, salt: &str) -> String {
    let open = object.strip_suffix('}').expect("a record is an object");
    format!("{open},\"{KEY}\":\"{}\"}}", of_text(object, salt))
}

/// The text that was given to [`seal`].
///
/// # Errors
/// If a line has no checksum, or differs from the sealed one.
pub fn unseal(line: &str, salt: &str) -> Result<String, ChecksumError> {
    let (open, rest) = line.rsplit_once(&format!(",\"{KEY}\":\"")).ok_or(ChecksumError::Missing)?;
    let object = format!("{open}}}");
    match rest.strip_suffix("\"}") {
        Some(check) if check == of_text(&object, salt) => Ok(object),
        _ => Err(ChecksumError::Mismatch),
    }
}

/// Whether a line has a checksum, right or wrong.
#[must_use]
pub fn is_sealed(line: &str) -> bool {
    unseal(line, "") != Err(ChecksumError::Missing)
}

/// The checksum of the values of a JSON object, independent of order and blanks; the checksum's own entry and those of
/// `except` are left out. `None` if `object` is not a JSON object.
#[must_use]
pub fn of_json(object: &str, except: &[&str]) -> Option<String> {
    let Ok(Value::Object(mut entries)) = serde_json::from_str(object) else { return None };
    entries.retain(|key, _| key != KEY && !except.contains(&key.as_str()));
    let mut text = String::new();
    canonical(&Value::Object(entries), &mut text);
    Some(of_text(&text, ""))
}

/// Checks an object by its values, except those of `except`.
///
/// # Errors
/// If it has no checksum, or its values have changed.
pub fn check_json(object: &str, except: &[&str]) -> Result<(), ChecksumError> {
    let value: Value = serde_json::from_str(object).map_err(|_| ChecksumError::Mismatch)?;
    let check = value.get(KEY).ok_or(ChecksumError::Missing)?;
    let right = of_json(object, except).is_some_and(|expected| check.as_str() == Some(&expected));
    right.then_some(()).ok_or(ChecksumError::Mismatch)
}

fn of_text(text: &str, salt: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update((salt.len() as u64).to_le_bytes());
    hasher.update(salt);
    hasher.update(text);
    let mut digits = crate::digest::hex(&hasher.finalize());
    digits.truncate(DIGITS);
    digits
}

/// Compact JSON with sorted keys: whether `serde_json` sorts keys depends on its features.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (key, value) in sorted {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(values) => {
            text.push('[');
            for value in values {
                canonical(value, text);
                text.push(',');
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &str = r#"{"id":"a","size":[2,3],"runs":{"b":1,"a":0.25},"rle":"1 2"}"#;

    #[test]
    fn a_sealed_line_is_json_and_comes_back() {
        let line = seal(OBJECT, "run");
        assert!(line.starts_with(r#"{"id":"a","#) && serde_json::from_str::<Value>(&line).is_ok(), "{line}");
        assert_eq!(unseal(&line, "run").unwrap(), OBJECT);
        assert_eq!(unseal(&line, "another run"), Err(ChecksumError::Mismatch));
        assert_eq!(unseal(OBJECT, "run"), Err(ChecksumError::Missing));
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        let line = seal(OBJECT, "");
        for bit in 0..8 * line.len() {
            let mut bytes = line.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let opened = String::from_utf8(bytes).ok().and_then(|line| unseal(&line, "").ok());
            assert_eq!(opened, None, "bit {bit}");
        }
    }

    #[test]
    fn values_count_and_blanks_and_order_do_not() {
        let check = of_json(OBJECT, &["file"]).unwrap();
        let spaced =
            format!(r#"{{ "{KEY}": "{check}", "rle":"1 2", "size": [2, 3], "runs": {{"a":0.25,"b":1}}, "id": "a" }}"#);
        assert_eq!(check_json(&spaced, &[]), Ok(()));
        let moved = spaced.replace("{ ", "{ \"file\": 1, ");
        assert_eq!((check_json(&moved, &["file"]), check_json(&moved, &[]).is_err()), (Ok(()), true));
        assert_eq!(check_json(OBJECT, &[]), Err(ChecksumError::Missing));
        for (from, to) in [("1 2", "1 3"), ("[2, 3]", "[3, 2]"), ("0.25", "0.26"), ("\"id\"", "\"ie\"")] {
            assert_eq!(check_json(&spaced.replace(from, to), &[]), Err(ChecksumError::Mismatch), "{from}");
        }
        assert_eq!((of_json("[1]", &[]), of_json("{", &[])), (None, None));
    }
}
