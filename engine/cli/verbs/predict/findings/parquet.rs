//! Findings as Parquet.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use pleura::Size;
use pleura::ensemble::{Agreement, Outcome, Runs};
use pleura_files::atomic;
use serde::Deserialize;
use serde_json::value::RawValue;
use tempfile::NamedTempFile;

/// The columns. `areas` has the marked area after each postprocessing step; masks are run lengths as in a submission.
const SCHEMA: &str = "message finding {
    required binary id (STRING);
    optional binary file (STRING);
    required boolean positive;
    required binary outcome (STRING);
    required group reasons (LIST) { repeated group list { required binary element (STRING); } }
    required int64 area;
    required int32 height;
    required int32 width;
    optional float spacing_row;
    optional float spacing_column;
    required binary decision (STRING);
    optional float score_low;
    optional float score_high;
    optional float calibrated_low;
    optional float calibrated_high;
    optional float score_spread;
    optional float dice;
    required group classifiers (MAP) {
        repeated group key_value { required binary key (STRING); required float value; }
    }
    required group areas (LIST) { repeated group list { required int64 element; } }
    required int32 classifier_runs;
    required int32 segmenter_runs;
    optional int32 crop_top;
    optional int32 crop_left;
    optional int32 crop_height;
    optional int32 crop_width;
    required binary rle (STRING);
}";
/// Rows that are held in memory and written together.
const GROUP: usize = 10_000;

/// A line of findings.
#[derive(Deserialize)]
struct Row {
    id: String,
    file: Option<String>,
    positive: bool,
    outcome: Outcome,
    #[serde(default)]
    reasons: Vec<String>,
    area: i64,
    size: Size,
    spacing: Option<(f32, f32)>,
    decision: String,
    score: Option<(f32, f32)>,
    calibrated: Option<(f32, f32)>,
    agreement: Agreement,
    classifiers: BTreeMap<String, f32>,
    areas: Vec<i64>,
    runs: Runs,
    crop: Option<Crop>,
    run: Option<Box<RawValue>>,
    rle: String,
}

/// The box that the crop stage found, in pixels of the image.
#[derive(Deserialize)]
struct Crop {
    top: usize,
    left: usize,
    height: usize,
    width: usize,
}

/// Writes findings, given as lines. The run's identity, which is the same for all, is the file's metadata `pleura.run`.
///
/// # Errors
/// If a finding cannot be read, or the file cannot be written.
pub fn write(path: &Path, findings: impl Iterator<Item = Result<String>>) -> Result<()> {
    let failed = || format!("cannot write `{}`", path.display());
    let mut rows = findings.map(|finding| -> Result<Row> { Ok(serde_json::from_str(&finding?)?) }).peekable();
    let run = match rows.peek() {
        Some(Ok(first)) => first.run.as_ref().map(|run| run.get().to_owned()),
        _ => None,
    };
    let mut writer = writer(path, run)?;
    loop {
        let group: Vec<Row> = rows.by_ref().take(GROUP).collect::<Result<_>>()?;
        if group.is_empty() {
            break;
        }
        let mut columns = writer.next_row_group().with_context(failed)?;
        write_group(&mut columns, &group).with_context(failed)?;
        columns.close().with_context(failed)?;
    }
    let file = writer.into_inner().with_context(failed)?;
    atomic::place(file, path).with_context(failed)
}

fn writer(path: &Path, run: Option<String>) -> Result<SerializedFileWriter<NamedTempFile>> {
    let failed = || format!("cannot write `{}`", path.display());
    let metadata = vec![KeyValue::new("pleura.schema".into(), "1".to_owned()), KeyValue::new("pleura.run".into(), run)];
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).with_context(failed)?))
        .set_key_value_metadata(Some(metadata))
        .build();
    let schema = parse_message_type(SCHEMA).context("the schema of findings is valid")?;
    let file = atomic::beside(path).with_context(failed)?;
    SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).with_context(failed)
}

/// Writes the columns in the schema's order.
fn write_group(columns: &mut SerializedRowGroupWriter<'_, NamedTempFile>, rows: &[Row]) -> Result<()> {
    texts(columns, rows.iter().map(|row| Some(row.id.as_str())), false)?;
    texts(columns, rows.iter().map(|row| row.file.as_deref()), true)?;
    let positive: Vec<bool> = rows.iter().map(|row| row.positive).collect();
    column(columns, |writer| match writer {
        ColumnWriter::BoolColumnWriter(it) => Ok(it.write_batch(&positive, None, None)?),
        _ => unexpected("positive"),
    })?;
    texts(columns, rows.iter().map(|row| Some(row.outcome.name())), false)?;
    reasons(columns, rows)?;
    longs(columns, &rows.iter().map(|row| row.area).collect::<Vec<_>>(), None)?;
    integers(columns, rows.iter().map(|row| Some(row.size.height)), false)?;
    integers(columns, rows.iter().map(|row| Some(row.size.width)), false)?;
    floats(columns, rows.iter().map(|row| row.spacing.map(|(row, _)| row)))?;
    floats(columns, rows.iter().map(|row| row.spacing.map(|(_, column)| column)))?;
    texts(columns, rows.iter().map(|row| Some(row.decision.as_str())), false)?;
    floats(columns, rows.iter().map(|row| row.score.map(|(low, _)| low)))?;
    floats(columns, rows.iter().map(|row| row.score.map(|(_, high)| high)))?;
    floats(columns, rows.iter().map(|row| row.calibrated.map(|(low, _)| low)))?;
    floats(columns, rows.iter().map(|row| row.calibrated.map(|(_, high)| high)))?;
    floats(columns, rows.iter().map(|row| row.agreement.score_spread))?;
    floats(columns, rows.iter().map(|row| row.agreement.dice))?;
    classifiers(columns, rows)?;
    let areas: Vec<i64> = rows.iter().flat_map(|row| row.areas.iter().copied()).collect();
    longs(columns, &areas, Some(levels(rows.iter().map(|row| row.areas.len()))))?;
    integers(columns, rows.iter().map(|row| Some(row.runs.classifiers)), false)?;
    integers(columns, rows.iter().map(|row| Some(row.runs.segmenters)), false)?;
    let sides = |crop: &Crop| [crop.top, crop.left, crop.height, crop.width];
    for side in 0..4 {
        integers(columns, rows.iter().map(|row| row.crop.as_ref().map(|crop| sides(crop)[side])), true)?;
    }
    texts(columns, rows.iter().map(|row| Some(row.rle.as_str())), false)
}

/// Writes the next column.
fn column(
    columns: &mut SerializedRowGroupWriter<'_, NamedTempFile>,
    write: impl FnOnce(&mut ColumnWriter<'_>) -> Result<usize>,
) -> Result<()> {
    let mut column = columns.next_column()?.context("the schema has this column")?;
    write(column.untyped())?;
    Ok(column.close()?)
}

fn unexpected<T>(name: &str) -> Result<T> {
    anyhow::bail!("the column `{name}` has another type in the schema")
}

/// Definition and repetition levels of lists of these lengths.
fn levels(lengths: impl Iterator<Item = usize>) -> (Vec<i16>, Vec<i16>) {
    let (mut defined, mut repeated) = (Vec::new(), Vec::new());
    for length in lengths {
        defined.extend(std::iter::repeat_n(1, length));
        repeated.push(0);
        match length {
            0 => defined.push(0),
            _ => repeated.extend(std::iter::repeat_n(1, length - 1)),
        }
    }
    (defined, repeated)
}

/// The values that there are, and for an optional column which rows have one.
fn present<T>(values: impl Iterator<Item = Option<T>>) -> (Vec<T>, Vec<i16>) {
    let (mut there, mut defined) = (Vec::new(), Vec::new());
    for value in values {
        defined.push(i16::from(value.is_some()));
        there.extend(value);
    }
    (there, defined)
}

fn texts<'r>(
    columns: &mut SerializedRowGroupWriter<'_, NamedTempFile>,
    values: impl Iterator<Item = Option<&'r str>>,
    optional: bool,
) -> Result<()> {
    let (values, defined) = present(values.map(|text| text.map(ByteArray::from)));
    column(columns, |writer| match writer {
        ColumnWriter::ByteArrayColumnWriter(it) => {
            Ok(it.write_batch(&values, optional.then_some(defined.as_slice()), None)?)
        }
        _ => unexpected("text"),
    })
}

fn longs(
    columns: &mut SerializedRowGroupWriter<'_, NamedTempFile>,
    values: &[i64],
    levels: Option<(Vec<i16>, Vec<i16>)>,
) -> Result<()> {
    let (defined, repeated) = levels.unzip();
    column(columns, |writer| match writer {
        ColumnWriter::Int64ColumnWriter(it) => Ok(it.write_batch(values, defined.as_deref(), repeated.as_deref())?),
        _ => unexpected("int64"),
    })
}

fn integers(
    columns: &mut SerializedRowGroupWriter<'_, NamedTempFile>,
    values: impl Iterator<Item = Option<usize>>,
    optional: bool,
) -> Result<()> {
    let (values, defined) = present(values);
    let values: Vec<i32> = values.into_iter().map(i32::try_from).collect::<Result<_, _>>()?;
    column(columns, |writer| match writer {
        ColumnWriter::Int32ColumnWriter(it) => {
            Ok(it.write_batch(&values, optional.then_some(defined.as_slice()), None)?)
        }
        _ => unexpected("int32"),
    })
}

fn floats(
    columns: &mut SerializedRowGroupWriter<'_, NamedTempFile>,
    values: impl Iterator<Item = Option<f32>>,
) -> Result<()> {
    let (values, defined) = present(values);
    column(columns, |writer| match writer {
        ColumnWriter::FloatColumnWriter(it) => Ok(it.write_batch(&values, Some(&defined), None)?),
        _ => unexpected("float"),
    })
}

/// The reasons of those that are referred.
fn reasons(columns: &mut SerializedRowGroupWriter<'_, NamedTempFile>, rows: &[Row]) -> Result<()> {
    let (defined, repeated) = levels(rows.iter().map(|row| row.reasons.len()));
    let all: Vec<ByteArray> = rows.iter().flat_map(|row| &row.reasons).map(|it| ByteArray::from(it.as_str())).collect();
    column(columns, |writer| match writer {
        ColumnWriter::ByteArrayColumnWriter(it) => Ok(it.write_batch(&all, Some(&defined), Some(&repeated))?),
        _ => unexpected("reasons"),
    })
}

/// The two columns of the map.
fn classifiers(columns: &mut SerializedRowGroupWriter<'_, NamedTempFile>, rows: &[Row]) -> Result<()> {
    let (defined, repeated) = levels(rows.iter().map(|row| row.classifiers.len()));
    let all = || rows.iter().flat_map(|row| &row.classifiers);
    let names: Vec<ByteArray> = all().map(|(name, _)| ByteArray::from(name.as_str())).collect();
    column(columns, |writer| match writer {
        ColumnWriter::ByteArrayColumnWriter(it) => Ok(it.write_batch(&names, Some(&defined), Some(&repeated))?),
        _ => unexpected("classifiers"),
    })?;
    let scores: Vec<f32> = all().map(|(_, score)| *score).collect();
    column(columns, |writer| match writer {
        ColumnWriter::FloatColumnWriter(it) => Ok(it.write_batch(&scores, Some(&defined), Some(&repeated))?),
        _ => unexpected("classifiers"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_lists_with_none_one_and_more() {
        assert_eq!(levels([2, 0, 1].into_iter()), (vec![1, 1, 0, 1], vec![0, 1, 0, 0]));
        assert_eq!(levels([0].into_iter()), (vec![0], vec![0]));
        assert_eq!(present([Some(7), None].into_iter()), (vec![7], vec![1, 0]));
    }
}
