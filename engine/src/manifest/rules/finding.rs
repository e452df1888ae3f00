//! Rules for the code of what is found.

use super::super::Manifest;
use crate::lint::Findings;

/// The code's texts can be written into DICOM without a character set, and its colour is one.
pub(super) fn can_be_written(manifest: &Manifest, findings: &mut Findings) {
    let Some(finding) = &manifest.finding else { return };
    for (key, text, most) in finding.texts() {
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\\');
        if !printable || text.trim().is_empty() || text.len() > most {
            let message = format!("expected 1 to {most} letters of ASCII without backslash, found {text:?}");
            findings.error([format!("finding.{key}")], message, None);
        }
    }
    if finding.rgb().is_none() {
        let message = format!("expected a colour such as \"#e69f00\", found {:?}", finding.color);
        findings.error(["finding.color".to_owned()], message, None);
    }
}
