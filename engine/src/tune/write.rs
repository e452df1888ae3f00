//! Changes numbers in a manifest, and nothing else: comments, order and blanks are kept.

use std::fmt;
use std::io::Write;
use std::path::Path;

use toml_edit::{Array, DocumentMut, InlineTable, Item, TableLike, Value};

use super::error::TuneError;
use super::path::{self, Part};
use crate::atomic;
use crate::manifest::{Calibration, Manifest};

/// A number as written in a manifest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// 1500
    Whole(i64),
    /// 0.5
    Real(f64),
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Real(number) => number.fmt(f),
        }
    }
}

/// The text of a manifest with numbers changed, or added if their table exists. The manifest has been read and linted.
///
/// # Errors
/// If a key's table does not exist, or the result would not be a valid manifest.
pub fn changed(text: &str, path: &Path, changes: &[(String, Number)]) -> Result<String, TuneError> {
    let text = edited(text, path, changes)?;
    Manifest::parse(&text, path)?;
    Ok(text)
}

/// The text of a manifest with a calibration, in the place of its own if it has one.
///
/// # Errors
/// If the result would not be a valid manifest.
pub fn calibrated(text: &str, path: &Path, calibration: &Calibration) -> Result<String, TuneError> {
    let failed = |message: String| TuneError::Write { path: path.into(), message };
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| failed(error.to_string()))?;
    // the shortest text that reads back as the same number in single precision
    let real = |number: f32| Value::from(number.to_string().parse::<f64>().unwrap_or_else(|_| number.into()));
    let list = |numbers: &[f32]| Value::from(numbers.iter().map(|&number| real(number)).collect::<Array>());
    let fields = match calibration {
        Calibration::Temperature { temperature } => {
            vec![("kind", "temperature".into()), ("temperature", real(*temperature))]
        }
        Calibration::Isotonic { scores, probabilities } => {
            vec![("kind", "isotonic".into()), ("scores", list(scores)), ("probabilities", list(probabilities))]
        }
    };
    let value = Value::from(fields.into_iter().collect::<InlineTable>());
    match document.get_mut("calibration").and_then(Item::as_value_mut) {
        Some(old) => {
            let decor = old.decor().clone();
            *old = value;
            *old.decor_mut() = decor;
        }
        None => {
            // a table of that name would stand behind others, where a key of the root cannot
            document.remove("calibration");
            document.insert("calibration", Item::Value(value));
        }
    }
    let text = document.to_string();
    Manifest::parse(&text, path)?;
    Ok(text)
}

/// Checks that a changed manifest may be written to `target`: models are named relative to the manifest's folder.
///
/// # Errors
/// If `target` is in another folder than `manifest`.
pub fn check_folder(manifest: &Path, target: &Path) -> Result<(), TuneError> {
    let folder = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        folder.canonicalize()
    };
    match (folder(manifest), folder(target)) {
        (Ok(here), Ok(there)) if here != there => {
            let message =
                format!("it is not in the manifest's folder, `{}`: models are named relative to it", here.display());
            Err(TuneError::Write { path: target.into(), message })
        }
        // a folder that does not exist is told when the file is written
        _ => Ok(()),
    }
}

/// Writes a manifest, completely or not at all.
///
/// # Errors
/// If the file cannot be written; it is then unchanged.
pub fn write(path: &Path, text: &str) -> Result<(), TuneError> {
    let written = || -> std::io::Result<()> {
        let mut temporary = atomic::beside(path)?;
        temporary.write_all(text.as_bytes())?;
        atomic::place(temporary, path)
    };
    written().map_err(|error| TuneError::Write { path: path.into(), message: error.to_string() })
}

/// As [`changed`], without linting.
pub(super) fn edited(text: &str, path: &Path, changes: &[(String, Number)]) -> Result<String, TuneError> {
    let failed = |message: String| TuneError::Write { path: path.into(), message };
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| failed(error.to_string()))?;
    for (key, number) in changes {
        let parts = path::parse(key).unwrap_or_default();
        if set(document.as_item_mut(), &parts, *number).is_none() {
            return Err(failed(format!("the manifest has no table for `{key}`")));
        }
    }
    Ok(document.to_string())
}

/// Sets a number; `None` if there is no table to hold it.
fn set(item: &mut Item, parts: &[Part], number: Number) -> Option<()> {
    let (last, way) = parts.split_last()?;
    let mut holder = Holder::Item(item);
    for part in way {
        holder = holder.down(part)?;
    }
    match (holder, last) {
        (Holder::Item(Item::Value(value)), Part::Key(key)) => put_inline(value.as_inline_table_mut()?, key, number),
        (Holder::Value(value), Part::Key(key)) => put_inline(value.as_inline_table_mut()?, key, number),
        (Holder::Item(item), Part::Key(key)) => put_key(item.as_table_like_mut()?, key, number),
        (Holder::Table(table), Part::Key(key)) => put_key(table, key, number),
        (Holder::Item(item), Part::Index(index)) => replace(item.as_array_mut()?.get_mut(*index)?, number),
        (Holder::Value(value), Part::Index(index)) => replace(value.as_array_mut()?.get_mut(*index)?, number),
        (Holder::Table(_), Part::Index(_)) => return None,
    }
    Some(())
}

/// A position reached in the document.
enum Holder<'d> {
    Item(&'d mut Item),
    Value(&'d mut Value),
    Table(&'d mut toml_edit::Table),
}

impl<'d> Holder<'d> {
    fn down(self, part: &Part) -> Option<Self> {
        match (self, part) {
            (Self::Item(item), Part::Key(key)) => item.as_table_like_mut()?.get_mut(key).map(Self::Item),
            (Self::Item(Item::ArrayOfTables(tables)), Part::Index(index)) => tables.get_mut(*index).map(Self::Table),
            (Self::Item(item), Part::Index(index)) => item.as_array_mut()?.get_mut(*index).map(Self::Value),
            (Self::Value(value), Part::Key(key)) => value.as_inline_table_mut()?.get_mut(key).map(Self::Value),
            (Self::Value(value), Part::Index(index)) => value.as_array_mut()?.get_mut(*index).map(Self::Value),
            (Self::Table(table), Part::Key(key)) => table.get_mut(key).map(Self::Item),
            (Self::Table(_), Part::Index(_)) => None,
        }
    }
}

fn put_key(table: &mut dyn TableLike, key: &str, number: Number) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(value) => replace(value, number),
        None => drop(table.insert(key, Item::Value(plain(number)))),
    }
}

/// As [`put_key`]; the blank before the closing brace is kept.
fn put_inline(table: &mut InlineTable, key: &str, number: Number) {
    if table.contains_key(key) {
        return put_key(table, key, number);
    }
    let mut value = plain(number);
    if let Some((_, last)) = table.iter_mut().last() {
        let blank = last.decor().suffix().cloned().unwrap_or_default();
        last.decor_mut().set_suffix("");
        value.decor_mut().set_prefix(" ");
        value.decor_mut().set_suffix(blank);
    }
    table.insert(key, value);
}

/// Replaces a value; surrounding blanks and comments are kept.
fn replace(value: &mut Value, number: Number) {
    let decor = value.decor().clone();
    *value = plain(number);
    *value.decor_mut() = decor;
}

fn plain(number: Number) -> Value {
    match number {
        Number::Whole(number) => number.into(),
        Number::Real(number) => number.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# an ensemble
a.b = 0.5 # dotted
list = [ { plugin = "x", params = { above = 0.50, at = [16, 16] } }, # first
  { plugin = "y" } ]   # second

[gate]   # a table
of = [{ above = 1_000 }, 3]

[[steps]]
# inside
area=7# tight
  [steps.params]
  above = 1e-1
[[steps]]
area = 8
"#;

    #[test]
    fn only_the_numbers_change() {
        let table = [
            ("a.b", Number::Real(0.25), "a.b = 0.5 # dotted", "a.b = 0.25 # dotted"),
            ("list[0].params.above", Number::Real(0.7), "above = 0.50,", "above = 0.7,"),
            ("gate.of[0].above", Number::Whole(900), "above = 1_000 }", "above = 900 }"),
            ("gate.of[1]", Number::Whole(4), "}, 3]", "}, 4]"),
            ("steps[0].area", Number::Whole(9), "area=7# tight", "area=9# tight"),
            ("steps[0].params.above", Number::Real(1.0), "  above = 1e-1", "  above = 1.0"),
            ("steps[1].area", Number::Whole(1), "area = 8", "area = 1"),
            ("list[0].params.more", Number::Whole(2), "at = [16, 16] }", "at = [16, 16], more = 2 }"),
            ("steps[1].weight", Number::Real(0.5), "area = 8\n", "area = 8\nweight = 0.5\n"),
        ];
        for (key, number, before, after) in table {
            assert_eq!(TEXT.matches(before).count(), 1, "{before}");
            let text = edited(TEXT, Path::new("x.toml"), &[(key.into(), number)]).unwrap();
            assert_eq!(text, TEXT.replace(before, after), "{key}");
        }
    }

    #[test]
    fn a_key_without_a_table_is_refused() {
        for key in ["nowhere.b", "list[2].params", "steps[2].area", "gate.of[7]", "steps.area", ""] {
            let error = edited(TEXT, Path::new("x.toml"), &[(key.into(), Number::Whole(1))]).unwrap_err().to_string();
            assert_eq!(error, format!("cannot write `x.toml`: the manifest has no table for `{key}`"));
        }
    }
}
