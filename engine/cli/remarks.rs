//! Harmless oddities of files: reported by name for the first few files, counted for the others.

use std::collections::BTreeMap;
use std::path::Path;

use crate::term;

/// Number of files that are named for each remark: a collection is often odd throughout.
const NAMED: usize = 3;

/// The number of files with each remark.
#[derive(Default)]
pub struct Remarks(BTreeMap<String, usize>);

impl Remarks {
    /// Prints the remarks on a file, unless the same has been printed for enough others.
    pub fn tell(&mut self, path: &Path, remarks: &[String]) {
        for remark in remarks {
            let files = self.0.entry(remark.clone()).or_default();
            *files += 1;
            if *files <= NAMED {
                term::warning(format_args!("`{}`: {remark}", path.display()));
            }
        }
    }

    /// Prints how many more files each remark applies to.
    pub fn finish(&self) {
        for (remark, files) in &self.0 {
            if let more @ 1.. = files.saturating_sub(NAMED) {
                term::warning(format_args!("{more} more files: {remark}"));
            }
        }
    }
}
