//! Reads documents: first checks the schema, then the rules.

use std::io::{self, Read};
use std::path::Path;

use serde_json::Value;
use toml::de::{DeTable, Error};

use super::document::Finding;
use super::sources::{EXTENDS, Place, Places, Sources};
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
    /// Every problem, in the order of the files and lines.
    pub diagnostics: Vec<Diagnostic>,
    /// What the document comes to.
    value: Value,
    is_shorter: bool,
    replaced: Vec<String>,
}

impl<D> Lint<D> {
    /// Whether there is an error, because of which the document cannot be used.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|it| it.severity == Severity::Error)
    }

    /// Whether the text says in a shorter way what the document comes to: by extending another, or by what
    /// [`Document`] writes out.
    pub fn is_shorter(&self) -> bool {
        self.is_shorter
    }

    /// What the document comes to, as TOML, with its keys in alphabetical order; to be used only if
    /// [`Lint::has_errors`] is false.
    pub fn resolved(&self) -> String {
        // what was read from TOML can be written as such, if it is sound
        toml::to_string_pretty(&self.value).unwrap_or_default()
    }

    /// The documents that this one extends, relative to its folder.
    pub fn extended(&self) -> impl Iterator<Item = &Path> {
        let (own, bases) = self.locations.files().split_first().expect("the document's own is there");
        let folder = own.parent().unwrap_or(Path::new(""));
        bases.iter().map(move |base| base.strip_prefix(folder).unwrap_or(base))
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

pub(super) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    regular::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("the file has more than {MAX_BYTES} bytes")));
    }
    Ok(text)
}

fn lint_text<D: Document>(text: &str, path: &Path) -> Lint<D> {
    let (sources, unread) = Sources::load::<D>(text, path);
    let places = sources.places();
    let place = |error: &Error| (places.place(error.span().map_or(0, |span| span.start)), error.message().to_owned());
    let (mut root, broken) = put_together::<D>(&sources);
    let broken: Vec<_> = broken.iter().map(place).collect();
    let mut findings = Findings::default();
    let is_short = D::write_out(&mut root, &mut findings);

    let locations = Locations::new(sources.paths(), &places, &root);
    let (value, mut faults) = walk(&root, D::schema());
    faults.extend(findings.all.into_iter().map(Fault::from));
    keep_what_stands(&mut faults, &broken, &places, &locations);
    let report = Report { locations: &locations };
    let mut diagnostics: Vec<_> = broken.iter().map(|(place, message)| report.syntax(*place, message)).collect();
    diagnostics.extend(unread.iter().map(|it| report.unread(places.place(it.at), &it.message)));
    diagnostics.extend(faults.iter().map(|fault| report.fault(fault)));
    let is_shorter = is_short || sources.extend();
    let resolved = value.clone();
    let mut document = None;
    if broken.is_empty() && unread.is_none() {
        match serde_json::from_value::<D>(value) {
            Ok(read) => {
                let mut findings = Findings::default();
                read.check(&mut findings);
                let sound = |finding: &&Finding| !finding.about.iter().any(|it| is_damaged(it, &faults));
                diagnostics.extend(findings.all.iter().filter(sound).map(|finding| report.finding(finding)));
                document = Some(read);
            }
            Err(error) if faults.is_empty() => diagnostics.push(report.syntax(Place::START, &error.to_string())),
            Err(_) => {}
        }
    }
    in_order(&mut diagnostics, &locations);
    let replaced = faults.into_iter().flat_map(|fault| [Some(fault.field), fault.meant]).flatten().collect();
    Lint { document, locations, diagnostics, value: resolved, is_shorter, replaced }
}

/// The tables of a document, put over those that it extends, and the faults of their TOML.
fn put_together<D: Document>(sources: &Sources) -> (DeTable<'_>, Vec<Error>) {
    let mut trees: Vec<_> = sources.trees().collect();
    let broken = trees.iter_mut().flat_map(|(.., broken)| std::mem::take(broken)).collect();
    let mut root = DeTable::new();
    while let Some((mut own, folder, _)) = trees.pop() {
        if !folder.as_os_str().is_empty() {
            D::move_paths(&mut own, folder);
        }
        let extends = own.get(EXTENDS).is_some_and(|value| value.get_ref().is_str());
        if D::EXTENDS && extends {
            own.remove(EXTENDS);
        }
        root = if extends { D::put_over(own, root) } else { own };
    }
    (root, broken)
}

/// In the order of the files and lines; what several parts of the document have from one line is said once.
fn in_order(diagnostics: &mut Vec<Diagnostic>, locations: &Locations) {
    diagnostics.sort_by(|a, b| (locations.order(a), &a.field).cmp(&(locations.order(b), &b.field)));
    // missing keys of one table lie at one place, too
    let about = |it: &Diagnostic| (it.path.clone(), it.line, it.column, it.message.clone(), without_indices(&it.field));
    diagnostics.dedup_by(|b, a| about(a) == about(b));
}

fn without_indices(field: &str) -> String {
    field.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// Drops the consequential problems of a document whose TOML is broken: keys on a broken line, and missing keys, which
/// a broken line may have held.
fn keep_what_stands(faults: &mut Vec<Fault>, broken: &[(Place, String)], places: &Places<'_>, locations: &Locations) {
    let is_broken = |at: Place| broken.iter().any(|(place, _)| (place.file, place.line) == (at.file, at.line));
    if broken.iter().any(|(place, _)| places.line(*place).trim_start().starts_with('[')) {
        faults.clear(); // keys after a broken header are read into the wrong table
    } else if !broken.is_empty() {
        faults.retain(|fault| !fault.missing && !is_broken(locations.place(&fault.field)));
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

impl From<Finding> for Fault {
    fn from(finding: Finding) -> Self {
        let Finding { mut about, message, hint, .. } = finding;
        Self { field: about.swap_remove(0), meant: None, missing: false, message, hint }
    }
}

struct Report<'r> {
    locations: &'r Locations,
}

impl Report<'_> {
    fn syntax(&self, place: Place, message: &str) -> Diagnostic {
        self.diagnostic(Severity::Error, place, "", message, None)
    }

    fn unread(&self, place: Place, message: &str) -> Diagnostic {
        self.diagnostic(Severity::Error, place, EXTENDS, message, None)
    }

    fn fault(&self, fault: &Fault) -> Diagnostic {
        let place = self.locations.place(&fault.field);
        self.diagnostic(Severity::Error, place, &fault.field, &fault.message, fault.hint.as_deref())
    }

    fn finding(&self, finding: &Finding) -> Diagnostic {
        let place = self.locations.place(&finding.about[0]);
        self.diagnostic(finding.severity, place, &finding.about[0], &finding.message, finding.hint.as_deref())
    }

    fn diagnostic(
        &self,
        severity: Severity,
        place: Place,
        field: &str,
        message: &str,
        hint: Option<&str>,
    ) -> Diagnostic {
        let Place { file, line, column } = place;
        Diagnostic {
            severity,
            path: self.locations.files()[file].clone(),
            line,
            column,
            field: field.into(),
            message: message.into(),
            hint: hint.map(str::to_owned),
        }
    }
}
