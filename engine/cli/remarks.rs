//! What is odd about files, yet harmless: said of the first few, and counted of the others.

use std::collections::BTreeMap;
use std::path::Path;

use crate::term;

/// Files of which the same is said by name: a collection is often odd throughout.
const NAMED: usize = 3;

/// How many files each remark was made on.
#[derive(Default)]
pub struct Remarks(BTreeMap<String, usize>);

impl Remarks {
    /// Says what was remarked on a file, unless it has been said of enough others.
    pub fn tell(&mut self, path: &Path, remarks: &[String]) {
        for remark in remarks {
            let files = self.0.entry(remark.clone()).or_default();
            *files += 1;
            if *files <= NAMED {
                term::warning(format_args!("`{}`: {remark}", path.display()));
            }
        }
    }

    /// Says on how many files more each remark was made.
    pub fn finish(&self) {
        for (remark, files) in &self.0 {
            if let more @ 1.. = files.saturating_sub(NAMED) {
                term::warning(format_args!("{more} more files: {remark}"));
            }
        }
    }
}
