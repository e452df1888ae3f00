//! Submissions and their rows.

use super::gone;
use crate::Size;
use crate::submission::{ColumnsError, Convention, Problem, RleError, RowError, SubmissionError};
use crate::texts::Texts;

pub fn add(texts: &mut Texts) {
    let path = || "a.csv".into();
    let columns = |hint: Option<&str>| ColumnsError {
        expected: "ImageId,EncodedPixels",
        found: "id,rle".into(),
        hint: hint.map(Into::into),
    };
    let ids = |count: usize| (0..count).map(|number| format!("id{number}")).collect::<Vec<_>>();
    add!(texts, SubmissionError {
        Open { path: path(), source: gone() },
        Read { path: path(), source: gone().into() },
        Columns { path: path(), source: columns(None) },
        Columns { path: path(), source: columns(Some("rename them")) },
        Twice { path: path(), line: 4, id: "a".into(), first: 2 },
        NoClass { id: "a".into(), convention: Convention::Clouds },
        Row { path: path(), line: 2, source: RowError::NoId },
        Size { id: "a".into(), found: Size::new(4, 4), expected: Size::new(8, 8) },
        Sizes { left: Size::new(4, 4), right: Size::new(8, 8) },
        EmptyId {},
        Id { id: "a ".into() },
        Runs { id: "a".into(), end: 17, size: Size::new(4, 4) },
        Unsized {},
        Missing { ids: ids(1) },
        Missing { ids: ids(5) },
        Extra { ids: ids(2) },
        Nothing {},
        Write { path: path(), source: gone() },
    });
    add!(texts, RowError {
        Fields { expected: 2, found: 3 },
        Fields { expected: 5, found: 3 },
        NoClass { id: "a".into() },
        NoId {},
        Rle(RleError::Odd { count: 3 }),
    });
    add!(texts, Problem {
        Row { line: 2, source: RowError::Rle(RleError::NoLength { run: 1 }) },
        Duplicate { line: 4, id: "a".into(), first: 2 },
        Extra { line: 3, id: "b".into() },
        Missing { id: "c".into() },
        Nothing {},
    });
}
