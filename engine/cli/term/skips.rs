//! Warnings that may come in thousands: the first are shown, all are counted.

use std::fmt::Display;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::{is_verbose, reason, warning};

/// Number of warnings that are shown.
const SHOWN: usize = 20;
/// Where all are shown if no file lists them.
const WITH_V: &str = "with `-v`";

/// Warnings of one kind. When dropped, it prints how many were not shown; with `-v` all are.
pub struct Skips {
    count: AtomicUsize,
    most: usize,
    what: &'static str,
    list: String,
}

impl Skips {
    /// No warnings yet. `what` names them, such as `skipped files`; `list` is where all are found, such as ``in
    /// `x.json` ``.
    pub fn new(what: &'static str, list: impl Into<String>) -> Self {
        Self::at_most(if is_verbose() { usize::MAX } else { SHOWN }, what, list.into())
    }

    /// Warnings that no file lists.
    pub fn unlisted(what: &'static str) -> Self {
        Self::new(what, WITH_V)
    }

    fn at_most(most: usize, what: &'static str, list: String) -> Self {
        Self { count: AtomicUsize::new(0), most, what, list }
    }

    /// Notes that the list will not be written.
    pub fn are_unlisted(&mut self) {
        self.list = WITH_V.to_owned();
    }

    /// Prints a warning, or counts it.
    pub fn warn(&self, text: impl Display) {
        if self.count.fetch_add(1, Relaxed) < self.most {
            warning(text);
        }
    }

    /// Prints that a file was skipped, and why.
    pub fn file(&self, path: &Path, error: &anyhow::Error) {
        self.warn(format_args!("skipped `{}`: {}", path.display(), reason(path, error)));
    }

    /// The number of warnings.
    pub fn count(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// How many were not shown, and where they are listed.
    fn rest(&self) -> Option<String> {
        let more = self.count().saturating_sub(self.most);
        (more > 0).then(|| format!("{more} more {} are not shown: all are listed {}", self.what, self.list))
    }
}

impl Drop for Skips {
    fn drop(&mut self) {
        self.rest().iter().for_each(warning);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_shown_is_counted() {
        let skips = Skips::at_most(2, "skipped files", "in `x.json`".into());
        for number in 0..5 {
            assert_eq!(skips.rest().is_some(), number > 2);
            skips.warn(number);
        }
        assert_eq!(skips.count(), 5);
        assert_eq!(skips.rest().unwrap(), "3 more skipped files are not shown: all are listed in `x.json`");
    }
}
