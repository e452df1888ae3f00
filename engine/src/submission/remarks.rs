//! Harmless oddities of a CSV of run lengths.

use super::fields::Fields;
use pleura_image::rle::text_reads_as_absolute;

/// The number of runs from which the order of a mask's runs is significant.
const RUNS: usize = 3;

/// Remarks collected while rows are read; each kind is reported once.
#[derive(Debug, Clone, Default)]
pub(super) struct Remarks {
    path: String,
    has_index: bool,
    /// Rows with a quoted blank, and the line of the first.
    quoted: (usize, u64),
    /// The number of masks with several runs, all ascending; `None` once one is not.
    ascending: Option<usize>,
}

impl Remarks {
    pub fn new(fields: &Fields) -> Self {
        let path = fields.path().display().to_string();
        Self { path, has_index: fields.has_index(), quoted: (0, 0), ascending: Some(0) }
    }

    /// Records that a quoted blank was read as the empty mask.
    pub fn quoted(&mut self, line: u64) {
        let (count, first) = self.quoted;
        self.quoted = (count + 1, if count == 0 { line } else { first });
    }

    /// Records that a mask of an image of `pixels` pixels was read as relative.
    pub fn relative(&mut self, text: &str, pixels: usize) {
        let Some(count) = self.ascending else { return };
        if text.split_ascii_whitespace().nth(2 * RUNS - 1).is_some() {
            self.ascending = text_reads_as_absolute(text, pixels).map(|_| count + 1);
        }
    }

    /// One sentence per remark, with the file's name.
    pub fn sentences(&self) -> Vec<String> {
        let path = &self.path;
        let mut all = Vec::new();
        if self.has_index {
            all.push(format!(
                "`{path}`: ignoring the first column, pandas' index (`to_csv(index=False)` leaves it out)"
            ));
        }
        let (count, first) = self.quoted;
        if count > 0 {
            let rows = match count {
                1 => format!("line {first} has"),
                _ => format!("{count} rows have, the first in line {first},"),
            };
            all.push(format!("`{path}`: {rows} \"\" for -1: read as the empty mask"));
        }
        if let Some(count) = self.ascending.filter(|count| *count > 0) {
            all.push(format!(
                "`{path}`: all {count} masks with several runs are valid as absolute positions from 1, too; if they \
                 are absolute (Airbus, Severstal, Understanding Clouds, HuBMAP), convert them first: `pleura data \
                 convert rle --from`"
            ));
        }
        all
    }

    /// Logs the remarks.
    pub fn log(&self) {
        self.sentences().iter().for_each(|sentence| tracing::warn!("{sentence}"));
    }
}
