//! Reads the output of `pleura predict --findings`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::FindingsError;
use super::{Case, Detail, Picture, Said};
use crate::Size;
use crate::checksum::{self, ChecksumError};
use crate::ensemble::{Agreement, Decision, Origin, UNCHECKED};
use crate::regular;
use crate::submission::Runs;

/// A line of findings as a case, without truth and picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The case, with the image's own id.
    pub case: Case,
    /// The image's file, as given to `predict`.
    pub file: Option<PathBuf>,
    /// The identity of its run; `None` in findings of older versions.
    pub origin: Option<Origin>,
}

/// The keys of a line that a report needs.
#[derive(Deserialize)]
struct Line {
    id: String,
    area: usize,
    size: Size,
    decision: Decision,
    score: Option<(f32, f32)>,
    areas: Vec<usize>,
    calibrated: Option<(f32, f32)>,
    #[serde(default)]
    steps: Vec<String>,
    spacing: Option<(f32, f32)>,
    #[serde(default)]
    agreement: Agreement,
    #[serde(default)]
    reasons: Vec<String>,
    rle: Option<String>,
    file: Option<PathBuf>,
    run: Option<Origin>,
}

/// The findings of a file of JSON lines, in order.
///
/// # Errors
/// If the file cannot be read, a line is not a finding, has changed since it was written, or lacks the mask, as in
/// findings of older versions, or if two lines have one id.
pub fn read_findings(path: impl AsRef<Path>) -> Result<Vec<Found>, FindingsError> {
    let path = path.as_ref();
    let read = |source| FindingsError::Read { path: path.into(), source };
    let mut found = indexmap::IndexMap::new();
    for (number, line) in (1..).zip(BufReader::new(regular::open(path).map_err(read)?).lines()) {
        let line = line.map_err(read)?;
        if line.trim().is_empty() {
            continue;
        }
        let wrong = |fault| FindingsError::Line { path: path.into(), line: number, fault };
        let finding = parse_finding(&line).map_err(wrong)?;
        if let Some(twice) = found.insert(finding.case.id.clone(), finding) {
            return Err(wrong(format!("the id `{}` has an earlier line", twice.case.id)));
        }
    }
    if found.is_empty() { Err(FindingsError::Nothing { path: path.into() }) } else { Ok(found.into_values().collect()) }
}

/// A line of findings.
///
/// # Errors
/// What is wrong with it, and what to do.
pub fn parse_finding(text: &str) -> Result<Found, String> {
    let line: Line = serde_json::from_str(text).map_err(|error| format!("not a finding: {error}"))?;
    let (id, size) = (line.id, line.size);
    let rle = line.rle.ok_or_else(|| {
        format!(
            "`{id}` has no `rle`: the findings were written by an older version; run `pleura predict --findings` \
                 again"
        )
    })?;
    if size.area() == 0 {
        return Err(format!("the `size` of `{id}` is {size}"));
    }
    let predicted = Runs::decode(&rle, size).map_err(|error| format!("the `rle` of `{id}`: {error}"))?;
    if predicted.area() != line.area {
        let area = predicted.area();
        return Err(format!("the `rle` of `{id}` marks {area} pixels, but its `area` is {}", line.area));
    }
    for (name, bounds) in [("score", line.score), ("calibrated", line.calibrated)] {
        if bounds.is_some_and(|(low, high)| !(0.0 <= low && low <= high && high <= 1.0)) {
            return Err(format!("the `{name}` of `{id}` is not an interval within 0 to 1"));
        }
    }
    if checksum::check_json(text, &UNCHECKED) == Err(ChecksumError::Mismatch) {
        return Err(format!(
            "the finding of `{id}` is damaged or was edited: its checksum does not match; write it again, or remove \
             its `{}` to accept the edit",
            checksum::KEY
        ));
    }
    let (decision, score, areas) = (line.decision, line.score, line.areas);
    let said = Said { calibrated: line.calibrated, agreement: line.agreement, reasons: line.reasons };
    let spacing = line.spacing.filter(|(row, column)| *row > 0.0 && *column > 0.0);
    let case = Case {
        id,
        size,
        picture: Picture::LeftOut,
        predicted,
        truth: None,
        score,
        decision,
        areas,
        steps: line.steps,
        spacing,
        detail: Detail::default(),
        said,
        groups: Vec::new(),
    };
    Ok(Found { case, file: line.file, origin: line.run })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ensemble::{Finding, Runs as Ran};

    fn finding() -> Finding {
        let mask = crate::Mask::from(ndarray::Array2::from_shape_fn((4, 6), |(row, column)| row == 1 && column > 2));
        let (decision, runs) = (Decision::Postprocess, Ran { classifiers: 1, segmenters: 1 });
        let areas = vec![5, 3];
        Finding {
            id: "a".into(),
            mask,
            decision,
            score: Some((0.5, 0.75)),
            calibrated: Some((0.25, 0.5)),
            agreement: Agreement { score_spread: Some(0.125), dice: None },
            reasons: vec!["why".into()],
            map: None,
            runs,
            classifiers: vec![],
            areas,
            steps: ["threshold".to_owned(), "min-area".to_owned()].into(),
            spacing: Some((0.5, 0.25)),
            crop: None,
        }
    }

    fn read(text: &str) -> Result<Vec<Found>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read_findings(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_predict_writes_reads_back() {
        let finding = finding();
        let origin = Origin { manifest: "a".into(), models: "b".into(), plugins: None, folds: Some("c".into()) };
        let found = read(&format!("{}\n\n", finding.to_json(Some(Path::new("in/a.dcm")), Some(&origin)))).unwrap();
        let case = &found[0].case;
        assert_eq!((case.predicted.to_mask(case.size), &case.id), (finding.mask, &finding.id));
        assert_eq!((case.score, case.decision, &case.areas), (finding.score, finding.decision, &finding.areas));
        assert_eq!(found[0].file.as_deref(), Some(Path::new("in/a.dcm")));
        assert_eq!(read(&super::tests::finding().to_json(None, None)).unwrap()[0].file, None);
        assert_eq!(found[0].origin, Some(origin));
        assert_eq!((&*case.steps, case.spacing), (&*finding.steps, finding.spacing));
        let Finding { calibrated, agreement, reasons, .. } = finding;
        assert_eq!(case.said, Said { calibrated, agreement, reasons });
        assert!(case.is_referred() && case.exact_calibrated().is_none());
    }

    #[test]
    fn faults_name_the_line_and_what_to_do() {
        let good = finding().to_json(None, None);
        let cases = [
            (good.replace(",\"rle\":\"13 1 3 1 3 1\"", ""), "`a` has no `rle`"),
            (good.replace("13 1 3 1 3 1", "13 1 3 1 30 1"), "past 4×6"),
            (good.replace("13 1 3 1 3 1", "13 1 3 1"), "marks 2 pixels, but its `area` is 3"),
            (good.replace("[0.5,0.75]", "[0.75,0.5]"), "not an interval within"),
            (good.replace("[4,6]", "[0,6]"), "`size` of `a` is 0×6"),
            (good.replace("postprocess", "guess"), "not a finding: unknown variant `guess`"),
            (good.replace("[0.5,0.75]", "[0.5,0.74]"), "`a` is damaged or was edited: its checksum"),
            (format!("{good}\n{good}"), "line 2: the id `a` has an earlier line"),
            (String::new(), "no findings"),
        ];
        for (text, fault) in cases {
            assert_ne!(text, good, "{fault}");
            let message = read(&text).unwrap_err();
            assert!(message.contains(fault), "{message}");
        }
    }

    #[test]
    fn any_flipped_bit_is_an_error_or_says_the_same() {
        let good = finding().to_json(None, None);
        let whole = read(&good).unwrap();
        for bit in 0..8 * good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // without a known key, such as the checksum's, the line counts as another tool's
            if let Some(found) = String::from_utf8(bytes).ok().and_then(|text| read(&text).ok()) {
                assert_eq!((&found[0].case, &found[0].origin), (&whole[0].case, &whole[0].origin), "bit {bit}");
            }
        }
    }

    #[test]
    fn moved_files_and_findings_without_a_checksum_are_read() {
        let good = finding().to_json(Some(Path::new("in/a.dcm")), None);
        assert_eq!(
            read(&good.replace("in/a", "elsewhere/a")).unwrap()[0].file.as_deref(),
            Some(Path::new("elsewhere/a.dcm"))
        );
        let (bare, _) = good.split_once(",\"check\"").unwrap();
        let old = read(&format!("{bare}}}")).unwrap();
        assert_eq!((old[0].origin.as_ref(), old[0].case.id.as_str()), (None, "a"));
    }
}
