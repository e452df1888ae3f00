//! The position of each key in its file.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Diagnostic;
use super::sources::{Place, Places};

/// The file, line and column of each key of a document.
#[derive(Debug, Clone)]
pub struct Locations {
    files: Vec<PathBuf>,
    places: HashMap<String, Place>,
}

impl Locations {
    /// The file of a key such as `segmenter.members[0].model`, which is another where the document extends it, and the
    /// line and column, from 1. An omitted key is placed at the table that would hold it; the whole file is at line 1.
    pub fn locate(&self, field: &str) -> (&Path, usize, usize) {
        let Place { file, line, column } = self.place(field);
        (&self.files[file], line, column)
    }

    /// The files that the document is made of: its own, and those that it extends.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Where a diagnostic stands among others: by file, line and column.
    pub(crate) fn order(&self, diagnostic: &Diagnostic) -> (Option<usize>, usize, usize) {
        let file = self.files.iter().position(|file| *file == diagnostic.path);
        (file, diagnostic.line, diagnostic.column)
    }

    pub(super) fn place(&self, field: &str) -> Place {
        let mut field = field;
        loop {
            if let Some(place) = self.places.get(field) {
                return *place;
            }
            match field.rfind(['.', '[']) {
                Some(end) => field = &field[..end],
                None => return Place::START,
            }
        }
    }

    /// The positions of a tree's keys in files, of which there is at least one.
    pub(super) fn new(files: Vec<PathBuf>, places: &Places<'_>, root: &DeTable<'_>) -> Self {
        let mut locations = Self { files, places: HashMap::new() };
        locations.add_table(places, root, "");
        locations
    }

    fn add_table(&mut self, places: &Places<'_>, table: &DeTable<'_>, path: &str) {
        for (key, value) in table {
            self.add(places, value, child(path, key.get_ref()), &key.span());
        }
    }

    fn add(&mut self, places: &Places<'_>, value: &Spanned<DeValue<'_>>, path: String, span: &Range<usize>) {
        match value.get_ref() {
            DeValue::Table(table) => self.add_table(places, table, &path),
            DeValue::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.add(places, item, format!("{path}[{i}]"), &item.span());
                }
            }
            _ => {}
        }
        self.places.insert(path, places.place(span.start));
    }
}

/// The path of a key in the table at `path`, which is empty for the document itself.
pub fn child(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Converts byte offsets to lines and columns.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The line, and the column in characters, of a byte; both from 1.
    pub(super) fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|&start| start <= offset);
        let before = self.text.get(self.starts[line - 1]..offset).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// The text of a line, from 1.
    pub(super) fn line(&self, line: usize) -> &'t str {
        self.text.lines().nth(line - 1).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sources::places_of;
    use super::*;

    #[test]
    fn keys_are_found_in_headers_inline_tables_and_lists() {
        let text = "a = 1\n[b]\nc = { d = [10, 20] }\n[[e.f]]\n  g = 'é'\n[[e.f]]\n";
        let root = DeTable::parse(text).unwrap();
        let files = vec![PathBuf::from("a.toml")];
        let locations = Locations::new(files, &places_of(text), root.get_ref());
        let table = [
            ("a", (1, 1)),
            ("b", (2, 2)),
            ("b.c.d", (3, 7)),
            ("b.c.d[1]", (3, 16)),
            ("e.f[0].g", (5, 3)),
            ("e.f[1]", (6, 1)),
            ("e.f[1].left.out", (6, 1)), // the header of its table
            ("nowhere", (1, 1)),
        ];
        for (field, (line, column)) in table {
            assert_eq!(locations.locate(field), (Path::new("a.toml"), line, column), "{field}");
        }
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(Lines::new("é = 1\r\nñ").place(3), (1, 3));
        assert_eq!(Lines::new("é = 1\r\nñ").place(10), (2, 2));
    }
}
