//! Reports: one HTML file that opens offline.
//!
//! `findings, truth, pictures → cases → numbers and charts → page`: [`Gathered`] and [`Report`]
//!
//! The page fetches nothing and runs only its own script, enforced by a content security policy with hashes. Masks are
//! stored as [run lengths](crate::submission::rle); the page's script draws them, recomputes each Dice coefficient, and
//! marks those that differ from the file's. The page contains no file paths.
//!
//! ```
//! use pleura::report::{Case, Detail, Picture, Report, Said};
//! use pleura::{Size, ensemble::Decision, submission::Runs};
//!
//! let size = Size::new(1024, 1024);
//! let case = Case {
//!     id: "ID_0011fe81e".into(),
//!     size,
//!     picture: Picture::LeftOut,
//!     predicted: Runs::decode("524800 20 1004 22", size)?,
//!     truth: Some(Runs::decode("524800 22 1004 20", size)?),
//!     score: Some((0.93, 0.93)),
//!     decision: Decision::Postprocess,
//!     areas: vec![42],
//!     steps: vec!["threshold".into()],
//!     spacing: Some((0.14, 0.14)),
//!     detail: Detail::default(),
//!     said: Said::default(),
//!     groups: vec![("View".into(), "PA".into())],
//! };
//! let page = Report::new("A single image", vec![case]).html()?;
//! assert!(page.contains("Dice"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod case;
mod chart;
mod error;
mod findings;
mod gather;
mod groups;
mod origins;
mod page;
mod picture;
mod stats;
mod summary;
mod tables;
#[cfg(test)]
mod tests;
mod trust;

use std::collections::HashSet;

pub use crate::proportion::wilson;
use case::MISSED;
pub use case::{Case, Detail, Outcome, Picture, Said, hash_id, worst_first};
pub use error::{FindingsError, MapError, PictureError, ReportError};
pub use findings::{Found, parse_finding, read_findings};
pub use gather::Gathered;
pub use groups::{Group, groups_of};
pub use origins::Origins;
pub use picture::SIDE;
pub use tables::{HeatMap, MemberRow};

/// The content of a report.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The title.
    pub title: String,
    /// The images. Those without a truth are shown, but do not count in numbers that need one.
    pub cases: Vec<Case>,
    /// The mean Dice over two thresholds; left out by default.
    pub heat_map: Option<HeatMap>,
    /// The ablation of the members; left out by default.
    pub members: Vec<MemberRow>,
    /// How the cases were made, as a sentence; left out by default.
    pub origin: Option<String>,
    /// The date of the page, as text; left out by default.
    pub made: Option<String>,
    /// Warnings for the reader, such as that the cases are of several runs; none by default.
    pub alarms: Vec<String>,
    /// How the cases' run differs from that of the heat map and the members, as a sentence: differences between the two
    /// are then not shown. `None`, the default, if both are of one run.
    pub differs: Option<String>,
}

impl Report {
    /// A report of cases, in any order.
    #[must_use]
    pub fn new(title: impl Into<String>, cases: Vec<Case>) -> Self {
        Self {
            title: title.into(),
            cases,
            heat_map: None,
            members: Vec::new(),
            origin: None,
            made: None,
            alarms: Vec::new(),
            differs: None,
        }
    }

    /// The page: the same report gives the same text.
    ///
    /// # Errors
    /// If there are no cases, two with one id, a mask that exceeds its size, or an inconsistent heat map.
    pub fn html(&self) -> Result<String, ReportError> {
        self.check()?;
        Ok(page::render(self))
    }

    fn check(&self) -> Result<(), ReportError> {
        if self.cases.is_empty() {
            return Err(ReportError::Nothing);
        }
        let mut ids = HashSet::new();
        for case in &self.cases {
            if !ids.insert(&case.id) {
                return Err(ReportError::Twice { id: case.id.clone() });
            }
            for (what, runs) in [("predicted", Some(&case.predicted)), ("true", case.truth.as_ref())] {
                let end = runs.map_or(0, |runs| runs.end());
                if end > case.size.area() {
                    return Err(ReportError::Overflow { id: case.id.clone(), what, end, size: case.size });
                }
            }
        }
        self.heat_map.as_ref().map_or(Ok(()), HeatMap::check)
    }
}
