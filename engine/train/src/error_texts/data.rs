//! Data, folds and tables.

use pleura::mask_image::MaskImageError;
use pleura::radiograph::RadiographError;
use pleura::submission::{RowError, SubmissionError};

use super::gone;
use crate::data::{DataError, FoldsError, Problem, TableError};
use crate::texts::Texts;
use pleura::Size;

pub fn add(texts: &mut Texts) {
    let (image, csv) = (|| "a.png".into(), || "rle.csv".into());
    let unreadable = || RadiographError::Read { path: "a.png".into(), source: gone() };
    let row = || SubmissionError::Row { path: "rle.csv".into(), line: 2, source: RowError::NoId };
    add!(texts, DataError {
        Radiograph(RadiographError::Missing { path: "images".into() }),
        Submission(SubmissionError::Open { path: csv(), source: gone() }),
        Problems(vec![Problem::Unreadable(unreadable()), Problem::Row(row())]),
        Problems((0..22).map(|number| Problem::NoImage(format!("{number}.png").into())).collect()),
        Strangers { images: 3, csv: csv(), image: "a".into(), row: "1.2.3".into() },
        NoRows(csv()),
        NoPositives { images: 3 },
        Changed { path: image(), was: Size::new(8, 8), is: Size::new(8, 9) },
        FewerThanBatch { images: 3, batch: 4 },
        Threads(gone()),
        Nothing {},
        NotSquare { size: Size::new(256, 512) },
        Tiles { size: Size::new(8, 8), tiles: 8 },
    });
    let id = || "a".to_owned();
    add!(texts, Problem {
        Unreadable(unreadable()),
        TwoImages { id: id(), first: image(), second: "b/a.png".into() },
        TwoStems { first: image(), second: "b/a.png".into() },
        NoTruth { id: id(), path: image(), wanted: "row in `rle.csv`".into() },
        NoImage("b.png".into()),
        Size { path: image(), mask: Size::new(8, 8), image: Size::new(8, 9) },
        Mask(MaskImageError::Dicom { path: "a.dcm".into() }),
        Row(row()),
        Overflow { id: id(), end: 65, size: Size::new(8, 8), absolute: false },
        Overflow { id: id(), end: 65, size: Size::new(8, 8), absolute: true },
    });
    folds(texts);
}

fn folds(texts: &mut Texts) {
    let path = || "folds.csv".into();
    let ids = || vec!["a".to_owned(), "b".to_owned()];
    add!(texts, FoldsError {
        Table(TableError::Column { path: path(), column: "fold".into(), found: "`id`".into() }),
        NoFold { path: path(), ids: ids() },
        NoPatient { path: path(), column: "patient".into(), ids: ids() },
        Range { path: path(), id: "a".into(), fold: "9".into(), count: 5 },
        Trained { fold: 9, count: 5 },
        Few { groups: 3, patients: true, count: 5 },
        Few { groups: 3, patients: false, count: 5 },
        Empty { fold: 1 },
        NoPositives { fold: 1 },
        Write { path: path(), source: gone() },
    });
    add!(texts, TableError {
        Read { path: path(), source: gone().into() },
        Column { path: path(), column: "fold".into(), found: "`id`, `patient`".into() },
        Empty { path: path(), line: 3, column: "fold".into() },
        Twice { path: path(), line: 3, id: "a".into(), first: "0".into(), second: "1".into() },
    });
}
