//! Identifies the columns of a CSV by its header.

use super::{ColumnsError, Convention};

/// The columns of submissions and truths.
pub(super) const SIIM: [&str; 2] = ["ImageId", "EncodedPixels"];

/// The positions of a row's id, class and run lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    pub id: usize,
    pub class: Class,
    pub text: usize,
    /// The number of fields of a row.
    pub count: usize,
    /// Whether the first column is pandas' index.
    pub has_index: bool,
}

/// Where a mask's class is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// There are no classes.
    None,
    /// At the end of the id, as in `a.jpg_1`.
    InId,
    /// In a column.
    Column(usize),
}

/// The columns of a submission, or why the header has others.
pub(super) fn siim(header: &[&str]) -> Result<Columns, ColumnsError> {
    find(header, Convention::Siim)
}

/// The columns of a convention, or why the header has others.
pub(super) fn find(header: &[&str], convention: Convention) -> Result<Columns, ColumnsError> {
    let (names, has_index) = without_index(header);
    let found = layouts(names).into_iter().find(|(conventions, _)| conventions.contains(&convention));
    let Some((_, columns)) = found else { return Err(fault(header, convention)) };
    let shift = usize::from(has_index);
    let class = match columns.class {
        Class::Column(at) => Class::Column(at + shift),
        class => class,
    };
    let (id, text, count) = (columns.id + shift, columns.text + shift, header.len());
    Ok(Columns { id, class, text, count, has_index })
}

/// The header without pandas' index column, which `to_csv` writes first without `index=False`.
fn without_index<'a, 'h>(header: &'a [&'h str]) -> (&'a [&'h str], bool) {
    match header {
        [first, rest @ ..] if !rest.is_empty() && (first.is_empty() || *first == "Unnamed: 0") => (rest, true),
        _ => (header, false),
    }
}

/// The possible layouts of columns with these names, each with its conventions.
fn layouts(names: &[&str]) -> Vec<(Vec<Convention>, Columns)> {
    use Convention::{Airbus, Clouds, Hubmap, Severstal, SeverstalColumn, Siim};
    let at = |name: &str| names.iter().position(|it| *it == name);
    let columns = |id, class, text| Columns { id, class, text, count: names.len(), has_index: false };
    match names {
        ["ImageId", "EncodedPixels"] => vec![(vec![Siim, Airbus], columns(0, Class::None, 1))],
        ["ImageId_ClassId", "EncodedPixels"] => {
            vec![(vec![Severstal, SeverstalColumn], columns(0, Class::InId, 1))]
        }
        ["Image_Label", "EncodedPixels"] => vec![(vec![Clouds], columns(0, Class::InId, 1))],
        _ => {
            let mut found = Vec::new();
            if let ([_, _, _], Some(id), Some(class), Some(text)) =
                (names, at("ImageId"), at("ClassId"), at("EncodedPixels"))
            {
                found.push((vec![Severstal, SeverstalColumn], columns(id, Class::Column(class), text)));
            }
            let text = ["rle", "encoding", "predicted"].into_iter().find_map(at);
            if let (Some(id), Some(text)) = (at("id"), text) {
                found.push((vec![Hubmap], columns(id, Class::None, text)));
            }
            found
        }
    }
}

fn fault(header: &[&str], expected: Convention) -> ColumnsError {
    let (names, _) = without_index(header);
    let found = header.join(",").chars().take(80).collect();
    let other = layouts(names).into_iter().flat_map(|(conventions, _)| conventions).find(|it| *it != expected);
    let mut sorted = names.to_vec();
    sorted.sort_unstable_by_key(|name| std::cmp::Reverse(*name));
    let separator = match names {
        [line] => [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")].into_iter().find(|(it, _)| line.contains(*it)),
        _ => None,
    };
    let hint = if let Some((_, separator)) = separator {
        Some(format!("the separator is a comma: write commas for the {separator} (`sep=','` in pandas)"))
    } else if expected == Convention::Siim && sorted == SIIM {
        Some("the columns are in the wrong order: swap them".into())
    } else {
        other.map(|other| match expected {
            Convention::Siim => format!(
                "these are the columns of {}: `pleura data convert rle --from {other}` converts them",
                other.title()
            ),
            _ => format!("these are the columns of {}: `--from {other}` reads them", other.title()),
        })
    };
    ColumnsError { expected: expected.columns(), found, hint }
}
