//! File names for images: unique, short and reproducible for any id.

use crate::digest;

/// The longest id, in bytes, that is used unchanged; names end at 255 bytes on most file systems.
const MAX_LEN: usize = 100;
/// Bytes of an id that are kept if the rest is replaced by a hash.
const PREFIX: usize = 48;
/// Hexadecimal digits of the id's SHA-256 that make a name unique.
const DIGITS: usize = 16;

/// The stem of a file's name for an image with this id.
///
/// An id of ASCII letters, digits, dots, dashes and underscores, such as a UID, is used unchanged. Any other, one of
/// more than 100 bytes, and one with a meaning for a file system or a shell (`..`, `.hidden`, `-rf`, `NUL`) becomes its
/// usable characters, a dash, and 16 digits of its SHA-256. Two ids never share a name, except by the case of letters
/// on file systems that ignore it.
///
/// ```
/// use pleura::file_name::of_id;
///
/// assert_eq!(of_id("1.2.840.113619"), "1.2.840.113619");
/// assert_eq!(of_id("a b"), "a_b-c8687a08aa5d6ed2");
/// assert_ne!(of_id("a+b"), of_id("a b"));
/// ```
#[must_use]
pub fn of_id(id: &str) -> String {
    if is_plain(id) {
        return id.to_owned();
    }
    let safe = |c: char| if is_safe(c) { c } else { '_' };
    let mut prefix: String = id.chars().take(PREFIX).map(safe).collect();
    // hidden files and options are not suitable names
    if prefix.starts_with(['.', '-']) || is_reserved(&prefix) || prefix.is_empty() {
        prefix.insert(0, '_');
    }
    format!("{prefix}-{}", &digest::bytes(id)[..DIGITS])
}

fn is_safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-".contains(c)
}

/// Whether an id is used unchanged. One that looks as if it ended in a hash is not, because it could be the name of
/// another id.
fn is_plain(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= MAX_LEN
        && id.chars().all(is_safe)
        && !id.starts_with(['.', '-'])
        && !is_reserved(id)
        && !ends_with_hash(id)
}

fn ends_with_hash(id: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    id.rsplit_once('-').is_some_and(|(_, end)| end.len() == DIGITS && end.bytes().all(is_digit))
}

/// Whether Windows reserves a name for a device, whatever follows its first dot.
fn is_reserved(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let numbered = |device: &str| {
        let number = first.strip_prefix(device);
        number.is_some_and(|number| number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    matches!(&*first, "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// Ids that differ only in characters that no name may hold, or that have a meaning for a file system.
    #[test]
    fn ids_that_look_alike_have_names_of_their_own() {
        let long = "x".repeat(5000);
        let ids = [
            "a b",
            "a_b",
            "a+b",
            "a/b",
            "a\\b",
            "a:b",
            "a\nb",
            "ä",
            "ö",
            "日本",
            "",
            " ",
            ".",
            "..",
            "...",
            ".a",
            "_.a",
            "-a",
            "_-a",
            "--help",
            "NUL",
            "nul.txt",
            "COM1",
            "com1.dcm",
            "CONE",
            "COM10",
            "a.",
            "a",
            "a ",
            long.as_str(),
            &long[1..],
            "a_b-c8687a08aa5d6ed2",
            "a\u{0}b",
            "/etc/passwd",
            "../../x",
        ];
        let mut names: HashMap<String, &str> = HashMap::new();
        for id in ids {
            let name = of_id(id);
            assert!(name.len() <= 120 && name.chars().all(is_safe) && !name.starts_with(['.', '-']), "{id}: {name}");
            assert!(!is_reserved(&name), "{id}: {name}");
            if let Some(other) = names.insert(name.clone(), id) {
                panic!("`{id}` and `{other}` are both `{name}`");
            }
        }
        for plain in ["a_b", "a", "CONE", "COM10", "_.a", "1.2.276.0.7230010.3.1.4.8323329.4904.1517875185.355709"] {
            assert_eq!(of_id(plain), plain);
        }
    }

    /// Computed by Python: `hashlib.sha256("a b".encode()).hexdigest()[:16]`.
    #[test]
    fn a_name_never_changes() {
        assert_eq!(of_id("a b"), "a_b-c8687a08aa5d6ed2");
        assert_eq!(of_id("äö 1"), "___1-4f152758ad28898a");
        assert_eq!(of_id(&"x".repeat(5000)), format!("{}-c59d3c0480cc2d71", "x".repeat(48)));
    }

    proptest! {
        #[test]
        fn two_ids_never_have_one_name(one in "[a-c ._+-]{0,4}", other in "[a-c ._+-]{0,4}") {
            prop_assert_eq!(one == other, of_id(&one) == of_id(&other));
        }

        #[test]
        fn a_name_is_short_and_safe(id in any::<String>()) {
            let name = of_id(&id);
            prop_assert!(!name.is_empty() && name.len() <= 120 && name.chars().all(is_safe));
            prop_assert!(!name.starts_with(['.', '-']) && !is_reserved(&name));
        }
    }
}
