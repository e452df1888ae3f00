//! A finished image, as a line of the journal.

use anyhow::{Result, ensure};
use pleura::ensemble::{Finding, Origin, Outcome, Runs as Ran};
use pleura::submission::Runs;
use pleura::{Radiograph, Size, checksum};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::inputs::{FileVersion, Input};

/// A line of the journal.
#[derive(Serialize, Deserialize)]
pub struct Entry {
    /// `None` if the path is not Unicode: JSON cannot hold it, and the image is predicted again on `--resume`.
    pub file: Option<String>,
    /// The file's version when it was read.
    pub stamp: Option<FileVersion>,
    /// Whether the file states neither a window nor a VOI lookup table.
    pub windowless: bool,
    /// The SHA-256 of its map's PNG file, if there is one.
    pub map: Option<String>,
    /// The line of `--findings`, byte for byte.
    pub finding: Box<RawValue>,
}

/// The parts of a finding for a submission and a summary.
pub struct Row {
    pub id: String,
    /// Size of the mask.
    pub size: Size,
    pub mask: Runs,
    pub ran: Ran,
    /// Whether people should read the image first.
    pub referred: bool,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    size: Size,
    area: usize,
    runs: Ran,
    /// Absent in findings of older versions.
    outcome: Option<Outcome>,
    rle: String,
}

impl Entry {
    /// The entry of a finished image, whose mask has these runs.
    pub fn new(
        input: &Input,
        radiograph: Option<&Radiograph>,
        (finding, mask): (&Finding, &Runs),
        map: Option<String>,
        run: &Origin,
    ) -> Result<Self> {
        Ok(Self {
            file: input.path.to_str().map(str::to_owned),
            stamp: input.stamp,
            windowless: radiograph.is_some_and(|radiograph| !radiograph.has_window()),
            map,
            finding: RawValue::from_string(finding.to_json_with(mask, Some(&input.path), Some(run)))?,
        })
    }

    /// Its line in the journal, with a checksum. `run` is the digest of the run.
    pub fn line(&self, run: &str) -> Result<String> {
        Ok(checksum::seal(&serde_json::to_string(self)?, run))
    }

    /// Reads a line of a run.
    ///
    /// # Errors
    /// If it is incomplete or damaged, has no checksum, or is another run's.
    pub fn parse(line: &[u8], run: &str) -> Result<(Self, Row)> {
        let entry: Self = serde_json::from_str(&checksum::unseal(std::str::from_utf8(line)?, run)?)?;
        let row = Row::parse(entry.finding.get())?;
        Ok((entry, row))
    }
}

impl Row {
    /// The row of a finished image.
    pub fn new(finding: &Finding) -> Self {
        let (id, mask) = (finding.id.clone(), Runs::from(&finding.mask));
        let referred = finding.outcome() == Outcome::Refer;
        Self { id, size: finding.mask.size(), mask, ran: finding.runs, referred }
    }

    /// Reads a line of findings.
    ///
    /// # Errors
    /// If it is not a finding.
    pub fn parse(finding: &str) -> Result<Self> {
        let Line { id, size, area, runs: ran, outcome, rle } = serde_json::from_str(finding)?;
        let mask = Runs::decode(&rle, size)?;
        ensure!(mask.area() == area, "the run lengths mark {} pixels, expected {area}", mask.area());
        Ok(Self { id, size, mask, ran, referred: outcome == Some(Outcome::Refer) })
    }
}
