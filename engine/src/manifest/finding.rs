//! What a mask means, in the codes of medical records.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the ensemble finds: its code in results for a PACS, which `--dicom` writes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingCode {
    /// The code, such as `"36118008"`: at most 16 characters.
    #[schemars(length(min = 1, max = 16))]
    pub code: String,
    /// The coding scheme: `"SCT"` for SNOMED CT, `"DCM"`, `"RADLEX"`, or `"99…"` for codes of one's own.
    #[schemars(length(min = 1, max = 16))]
    pub scheme: String,
    /// The code's meaning, which viewers show: `"Pneumothorax"`.
    #[schemars(length(min = 1, max = 64))]
    pub meaning: String,
    /// The colour of outlines and segments, `"#rrggbb"`; default: orange.
    #[serde(default = "orange")]
    #[schemars(regex(pattern = "^#[0-9a-fA-F]{6}$"))]
    pub color: String,
}

fn orange() -> String {
    "#e69f00".into()
}

impl FindingCode {
    /// Red, green and blue of [`color`](Self::color); `None` if it is not a colour, which a manifest's check refuses.
    #[must_use]
    pub fn rgb(&self) -> Option<[u8; 3]> {
        let digits = self.color.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
        let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        Some([part(0)?, part(2)?, part(4)?])
    }

    /// The name and the length limit of each text, in characters.
    pub(super) fn texts(&self) -> [(&'static str, &str, usize); 3] {
        [("code", &self.code, 16), ("scheme", &self.scheme, 16), ("meaning", &self.meaning, 64)]
    }
}
