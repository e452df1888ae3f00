//! Reads documents: first checks the schema, then the rules.

use std::io::{self, Read};
use std::path::Path;

use toml::de::DeTable;

use super::document::Finding;
use super::locations::Lines;
use super::walk::{Fault, walk};
use super::{Diagnostic, Document, DocumentError, Findings, Locations, Severity};
use crate::regular;

/// The result of reading a document.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Lint<D> {
    /// The document, with invalid parts left out or replaced by plausible values, so that the rest can be checked
    /// further; `None` if its TOML is broken. To be used only if [`Lint::has_errors`] is false.
    pub document: Option<D>,
    /// The positions of its keys.
    pub locations: Locations,
    /// Every problem, in the order of the lines.
    pub diagnostics: Vec<Diagnostic>,
    replaced: Vec<String>,
}

impl<D> Lint<D> {
    /// Whether there is an error, because of which the document cannot be used.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|it| it.severity == Severity::Error)
    }

    /// Whether a key is left out of [`Lint::document`], or replaced: its value is then not the file's.
    pub fn is_replaced(&self, field: &str) -> bool {
        self.replaced.iter().any(|it| is_within(field, it))
    }

    /// Whether anything within a key is left out or replaced, such as one side of a size.
    pub fn holds_replaced(&self, field: &str) -> bool {
        !field.is_empty() && self.replaced.iter().any(|it| is_within(it, field))
    }
}

impl<D: Document> Lint<D> {
    /// Reads a document and reports every problem.
    ///
    /// # Errors
    /// [`DocumentError::Read`] where the file cannot be read.
    pub fn of_file(path: &Path) -> Result<Self, DocumentError> {
        let unreadable = |source| DocumentError::Read { noun: D::NOUN, path: path.to_owned(), source };
        Ok(Self::of_text(&read(path).map_err(unreadable)?, path))
    }

    /// Reads a document from its text; problems are reported with `path`.
    #[must_use]
    pub fn of_text(text: &str, path: &Path) -> Self {
        lint_text(text, path)
    }

    /// The document, if it can be used, and the positions of its keys. Warnings are logged.
    ///
    /// # Errors
    /// [`DocumentError::Invalid`] with every problem otherwise.
    pub fn accept(self) -> Result<(D, Locations), DocumentError> {
        if self.has_errors() {
            return Err(DocumentError::Invalid { diagnostics: self.diagnostics });
        }
        let Some(document) = self.document else {
            return Err(DocumentError::Invalid { diagnostics: self.diagnostics });
        };
        self.diagnostics.iter().for_each(|it| tracing::warn!("{it}"));
        Ok((document, self.locations))
    }
}

/// The maximum size of a document in bytes; people write them.
const MAX_BYTES: u64 = 16 << 20;

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    regular::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("the file has more than {MAX_BYTES} bytes")));
    }
    Ok(text)
}

fn lint_text<D: Document>(text: &str, path: &Path) -> Lint<D> {
    let (root, broken) = DeTable::parse_recoverable(text);
    let locations = Locations::new(text, root.get_ref());
    let lines = Lines::new(text);
    let place = |error: &toml::de::Error| lines.place(error.span().map_or(0, |span| span.start));
    let broken: Vec<_> = broken.iter().map(|error| (place(error), error.message())).collect();

    let (value, mut faults) = walk(root.get_ref(), D::schema());
    keep_what_stands(&mut faults, &broken, &lines, &locations);
    let report = Report { path, locations: &locations };
    let mut diagnostics: Vec<_> = broken.iter().map(|&(place, message)| report.syntax(place, message)).collect();
    diagnostics.extend(faults.iter().map(|fault| report.fault(fault)));
    let mut document = None;
    if broken.is_empty() {
        match serde_json::from_value::<D>(value) {
            Ok(read) => {
                let mut findings = Findings::default();
                read.check(&mut findings);
                let sound = |finding: &&Finding| !finding.about.iter().any(|it| is_damaged(it, &faults));
                diagnostics.extend(findings.all.iter().filter(sound).map(|finding| report.finding(finding)));
                document = Some(read);
            }
            Err(error) if faults.is_empty() => diagnostics.push(report.syntax((1, 1), &error.to_string())),
            Err(_) => {}
        }
    }
    diagnostics.sort_by(|a, b| (a.line, a.column, &a.field).cmp(&(b.line, b.column, &b.field)));
    let replaced = faults.into_iter().flat_map(|fault| [Some(fault.field), fault.meant]).flatten().collect();
    Lint { document, locations, diagnostics, replaced }
}

/// Drops the consequential problems of a document whose TOML is broken: keys on a broken line, and missing keys, which
/// a broken line may have held.
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

/// Whether the document's value of a key differs from the file's.
fn is_damaged(field: &str, faults: &[Fault]) -> bool {
    let touches = |other: &str| is_within(field, other) || is_within(other, field);
    faults.iter().any(|fault| touches(&fault.field) || fault.meant.as_deref().is_some_and(touches))
}

/// Whether a key equals another, or is below it.
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

    fn finding(&self, finding: &Finding) -> Diagnostic {
        self.at(finding.severity, &finding.about[0], &finding.message, finding.hint.as_deref())
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
