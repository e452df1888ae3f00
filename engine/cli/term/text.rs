//! Text for people: without control characters and repeated names.

use std::path::Path;

use crate::scratch;

/// A text with control characters escaped as `\u001b`, the way of JSON. File names, image ids and DICOM tags may
/// contain them.
pub fn visible(text: impl std::fmt::Display) -> String {
    escaped(text.to_string(), steers)
}

/// As [`visible`], for text within a line: line feeds and tabs are escaped, too.
pub fn inline(text: impl std::fmt::Display) -> String {
    escaped(text.to_string(), |c| steers(c) || c == '\n' || c == '\t')
}

fn escaped(text: String, is_escaped: impl Fn(char) -> bool) -> String {
    if !text.contains(&is_escaped) {
        return text;
    }
    text.chars().map(|c| if is_escaped(c) { format!("\\u{:04x}", u32::from(c)) } else { c.into() }).collect()
}

/// Whether it is a control character other than line feed and tab, or changes the direction of writing.
fn steers(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A number with a noun: `1 file`, `3 files`.
pub fn quantity(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// [`pleura::chain`], with files in temporary folders shortened to their names.
pub fn chain(error: &anyhow::Error) -> String {
    scratch::hidden(&pleura::chain(error.as_ref()))
}

/// As [`chain`], for an error about a file whose name has just been printed.
pub fn reason(path: &Path, error: &anyhow::Error) -> String {
    let (text, name) = (chain(error), format!("`{}`", path.display()));
    let Some((before, after)) = text.split_once(&name) else { return text };
    let is_subject = before.is_empty() || before.ends_with(": ");
    // what the file was read as follows its name: `NAME (JPEG): …`
    if let Some((read_as, rest)) = after.strip_prefix(" (").and_then(|after| after.split_once("): "))
        && is_subject
    {
        return format!("{before}{rest} ({read_as})");
    }
    let rest = after.strip_prefix(": ");
    match rest {
        Some(rest) if is_subject => format!("{before}{rest}"),
        None if is_subject => format!("{before}it{after}"),
        // `cannot read NAME: …`
        _ if rest.is_some() || after.is_empty() => format!("{}{after}", before.trim_end()),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(visible("a\tb\nc äö"), "a\tb\nc äö");
        assert_eq!(inline("a\tb\nc äö"), r"a\u0009b\u000ac äö");
        assert_eq!(visible("\u{1b}[31m\r\u{7f}\u{9b}\u{202e}"), r"\u001b[31m\u000d\u007f\u009b\u202e");
        let json = serde_json::to_string("\u{1b}\u{7f}\u{85}").unwrap();
        assert_eq!(serde_json::from_str::<String>(&visible(&json)).unwrap(), "\u{1b}\u{7f}\u{85}");
    }

    #[test]
    fn a_name_is_said_once() {
        for (text, expected) in [
            ("`a.png`: it is empty", "it is empty"),
            ("`a.png` has no pixels", "it has no pixels"),
            (
                "`a.png` (JPEG Baseline (Process 1), 1.2): it is cut off",
                "it is cut off (JPEG Baseline (Process 1), 1.2)",
            ),
            ("cannot read `a.png`: it is empty", "cannot read: it is empty"),
            ("cannot read `a.png`", "cannot read"),
            ("it is left out: `a.png`: it is empty", "it is left out: it is empty"),
            ("its id is that of `b.png`", "its id is that of `b.png`"),
            ("the size of `a.png` is odd", "the size of `a.png` is odd"),
        ] {
            assert_eq!(reason(Path::new("a.png"), &anyhow!("{text}")), expected);
        }
    }
}
