//! Reads manifests, and finds all that is wrong with one in one go.

use std::fs;
use std::path::Path;

use toml::de::DeTable;

use super::locations::Lines;
use super::walk::{Fault, walk};
use super::{Diagnostic, Locations, Manifest, ManifestError, Severity, rules, schema};

/// What reading a manifest found out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Lint {
    /// The manifest, with what is wrong left out or replaced by something plausible, so that the rest can be checked
    /// further; `None` where its TOML is broken. Fit to be run only where [`Lint::has_errors`] says no.
    pub manifest: Option<Manifest>,
    /// Where its keys stand.
    pub locations: Locations,
    /// Every problem, in the order of the lines.
    pub diagnostics: Vec<Diagnostic>,
    replaced: Vec<String>,
}

impl Lint {
    /// Whether any problem keeps the manifest from being used.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|it| it.severity == Severity::Error)
    }

    /// Whether a key is left out of [`Lint::manifest`], or replaced: what it says there is not what the file says.
    pub fn is_replaced(&self, field: &str) -> bool {
        self.replaced.iter().any(|it| is_within(field, it))
    }
}

impl Lint {
    /// Whether anything within a key is left out or replaced, such as one side of a size.
    pub fn holds_replaced(&self, field: &str) -> bool {
        !field.is_empty() && self.replaced.iter().any(|it| is_within(it, field))
    }
}

/// Reads a manifest and reports every problem. Unlike [`Manifest::read`], it goes on with what can be read.
///
/// # Errors
/// [`ManifestError::Read`] where the file cannot be read.
pub fn lint(path: &Path) -> Result<Lint, ManifestError> {
    let text = fs::read_to_string(path).map_err(|source| ManifestError::Read { path: path.to_owned(), source })?;
    Ok(lint_text(&text, path))
}

impl Manifest {
    /// Reads a manifest. Warnings are logged.
    ///
    /// # Errors
    /// [`ManifestError::Read`] where the file cannot be read, [`ManifestError::Invalid`] with every problem otherwise.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        Ok(Self::read_located(path)?.0)
    }

    /// Reads a manifest, and tells where its keys stand, so that what is found out later can be said with its line.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn read_located(path: &Path) -> Result<(Self, Locations), ManifestError> {
        accept(lint(path)?)
    }

    /// Reads a manifest from its text; `path` is what problems are reported with, and what models are relative to.
    ///
    /// # Errors
    /// [`ManifestError::Invalid`] with every problem.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ManifestError> {
        Ok(accept(lint_text(text, path))?.0)
    }
}

fn accept(lint: Lint) -> Result<(Manifest, Locations), ManifestError> {
    match lint {
        Lint { manifest: Some(manifest), ref diagnostics, .. } if !lint.has_errors() => {
            diagnostics.iter().for_each(|it| tracing::warn!("{it}"));
            Ok((manifest, lint.locations))
        }
        Lint { diagnostics, .. } => Err(ManifestError::Invalid { diagnostics }),
    }
}

pub(super) fn lint_text(text: &str, path: &Path) -> Lint {
    let (root, broken) = DeTable::parse_recoverable(text);
    let locations = Locations::of(text, root.get_ref());
    let lines = Lines::of(text);
    let place = |error: &toml::de::Error| lines.place(error.span().map_or(0, |span| span.start));
    let broken: Vec<_> = broken.iter().map(|error| (place(error), error.message())).collect();

    let (value, mut faults) = walk(root.get_ref(), &schema::SCHEMA);
    keep_what_stands(&mut faults, &broken, &lines, &locations);
    let report = Report { path, locations: &locations };
    let mut diagnostics: Vec<_> = broken.iter().map(|&(place, message)| report.syntax(place, message)).collect();
    diagnostics.extend(faults.iter().map(|fault| report.fault(fault)));
    let mut manifest = None;
    if broken.is_empty() {
        match serde_json::from_value::<Manifest>(value) {
            Ok(read) => {
                let findings = rules::findings(&read);
                let sound = |finding: &&rules::Finding| !finding.about.iter().any(|it| is_damaged(it, &faults));
                diagnostics.extend(findings.iter().filter(sound).map(|finding| report.finding(finding)));
                manifest = Some(read);
            }
            Err(error) if faults.is_empty() => diagnostics.push(report.syntax((1, 1), &error.to_string())),
            Err(_) => {}
        }
    }
    diagnostics.sort_by(|a, b| (a.line, a.column, &a.field).cmp(&(b.line, b.column, &b.field)));
    let replaced = faults.into_iter().flat_map(|fault| [Some(fault.field), fault.meant]).flatten().collect();
    Lint { manifest, locations, diagnostics, replaced }
}

/// Of a document whose TOML is broken, some problems are but echoes: keys that stand on a broken line, and whatever a
/// broken line may have held.
fn keep_what_stands(
    faults: &mut Vec<Fault>,
    broken: &[((usize, usize), &str)],
    lines: &Lines<'_>,
    locations: &Locations,
) {
    let is_broken = |line| broken.iter().any(|((at, _), _)| *at == line);
    if broken.iter().any(|((line, _), _)| lines.line(*line).trim_start().starts_with('[')) {
        faults.clear(); // keys after a broken header are read into the wrong table
    } else if !broken.is_empty() {
        faults.retain(|fault| !fault.missing && !is_broken(locations.locate(&fault.field).0));
    }
}

/// Whether what the manifest says at a key is not what its file says.
fn is_damaged(field: &str, faults: &[Fault]) -> bool {
    let touches = |other: &str| is_within(field, other) || is_within(other, field);
    faults.iter().any(|fault| touches(&fault.field) || fault.meant.as_deref().is_some_and(touches))
}

/// Whether a key is another, or lies beneath it.
fn is_within(field: &str, of: &str) -> bool {
    field.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

struct Report<'r> {
    path: &'r Path,
    locations: &'r Locations,
}

impl Report<'_> {
    fn syntax(&self, (line, column): (usize, usize), message: &str) -> Diagnostic {
        let (field, message) = (String::new(), message.to_owned());
        Diagnostic { severity: Severity::Error, path: self.path.into(), line, column, field, message, hint: None }
    }

    fn fault(&self, fault: &Fault) -> Diagnostic {
        self.at(Severity::Error, &fault.field, &fault.message, fault.hint.as_deref())
    }

    fn finding(&self, finding: &rules::Finding) -> Diagnostic {
        self.at(finding.severity, &finding.about[0], &finding.message, finding.hint)
    }

    fn at(&self, severity: Severity, field: &str, message: &str, hint: Option<&str>) -> Diagnostic {
        let (line, column) = self.locations.locate(field);
        Diagnostic {
            severity,
            path: self.path.into(),
            line,
            column,
            field: field.into(),
            message: message.into(),
            hint: hint.map(str::to_owned),
        }
    }
}
