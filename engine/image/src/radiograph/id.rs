//! Image ids: which are valid, and the one given by a file's name.

use std::path::Path;

use super::error::RadiographError;

/// Extensions that name a file's format and are not part of the image's id.
const EXTENSIONS: [&str; 12] = ["dcm", "dicom", "dic", "dc3", "ima", "img", "acr", "png", "jpg", "jpeg", "jpe", "jfif"];

/// The id given by a file's name: without its folder, and without an extension that names a format (`.dcm`, `.dicom`,
/// `.dic`, `.dc3`, `.ima`, `.img`, `.acr`, `.png`, `.jpg`, `.jpeg`, `.jpe`, `.jfif`, in any case). Any other extension,
/// such as the last number of a UID, is kept. Surrounding blanks are removed, as they are when a CSV file is read.
#[must_use]
pub fn stem(path: &Path) -> String {
    let known = |extension: &str| EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension));
    let is_known = path.extension().and_then(|extension| extension.to_str()).is_some_and(known);
    let name = if is_known { path.file_stem() } else { path.file_name() };
    name.unwrap_or_default().to_string_lossy().trim().to_owned()
}

/// # Errors
/// If an id would not survive a round trip through a CSV file.
pub(super) fn check(path: &Path, id: &str) -> Result<(), RadiographError> {
    let reason = if id.is_empty() {
        "is empty"
    } else if id.trim() != id {
        "begins or ends with a blank"
    } else if id.chars().any(char::is_control) {
        "holds a control character"
    } else {
        return Ok(());
    };
    Err(RadiographError::Id { path: path.into(), id: id.into(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_extensions_that_say_what_a_file_is_are_left_out() {
        let cases = [
            ("folder/ID_1.2.png", "ID_1.2"),
            ("1.2.840.113619", "1.2.840.113619"),
            ("1.2.840.113619.DCM", "1.2.840.113619"),
            ("a.b.jpeg", "a.b"),
            ("x.ray", "x.ray"),
            ("x.png.dcm", "x.png"),
            (" a .png", "a"),
            (".png", ".png"),
            ("", ""),
            ("..", ""),
        ];
        for (path, id) in cases {
            assert_eq!(stem(Path::new(path)), id, "{path}");
        }
    }

    #[test]
    fn ids_are_what_a_csv_file_gives_back() {
        for id in ["a", "1.2.840", "a b", "a,b", "\"a\"", "-1", "é"] {
            check(Path::new("x"), id).unwrap();
        }
        for (id, reason) in [
            ("", "\"\" is empty"),
            (" a", "\" a\" begins"),
            ("a\nb", "\"a\\nb\" holds a control"),
            ("a\u{7f}", "holds"),
        ] {
            let message = check(Path::new("x.png"), id).unwrap_err().to_string();
            assert!(message.starts_with("`x.png`: ") && message.contains(reason), "{message}");
        }
    }
}
