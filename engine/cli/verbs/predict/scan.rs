//! Reads the journal of an earlier run, and separates good lines from damaged ones.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;

use anyhow::{Result, bail};
use pleura::checksum;
use pleura_files::digest;
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::journal::{Kept, Span};
use crate::receipt::Identity;

/// The format of journals. 2: lines with checksums.
const SCHEMA: u32 = 2;
/// The beginning of the first line.
const MARK: &[u8] = b"{\"journal\":2,";

/// The first line.
#[derive(Serialize, Deserialize)]
pub struct Head {
    journal: u32,
    pub run: Identity,
}

/// The contents of a journal.
pub struct Scan {
    pub head: Head,
    /// Finished images, by file.
    pub kept: HashMap<PathBuf, Kept>,
    /// The position after the last good line.
    pub end: u64,
    /// Lines before `end` that fail their checksum.
    pub damaged: usize,
    /// Whether the first line is damaged; `head` is then reconstructed.
    pub healed: bool,
}

impl Head {
    /// The first line of a run's journal.
    pub fn new(run: &Identity) -> Self {
        Self { journal: SCHEMA, run: run.clone() }
    }

    /// Its text, with the line end.
    pub fn line(&self) -> Result<String> {
        Ok(checksum::seal(&serde_json::to_string(self)?, "") + "\n")
    }

    /// The digest of the run, which the checksums of the other lines cover.
    pub fn digest(&self) -> Result<String> {
        Ok(digest::bytes(serde_json::to_string(self)?))
    }

    fn parse(line: &[u8]) -> Result<Self> {
        let line = line.strip_suffix(b"\n").unwrap_or_default();
        Ok(serde_json::from_str(&checksum::unseal(std::str::from_utf8(line)?, "")?)?)
    }
}

/// Reads a journal; `None` if it holds no image and may be started again. `run` is the run that would continue it.
///
/// A damaged first line does no harm if the checksums of the other lines show that they are of `run`.
///
/// # Errors
/// If the file cannot be read, is not a journal, or has nothing usable.
pub fn read<F: Read + Seek>(mut file: F, run: &Identity) -> Result<Option<Scan>> {
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::new(file);
    let mut first = Vec::new();
    reader.read_until(b'\n', &mut first)?;
    if let Ok(head) = Head::parse(&first) {
        let run = head.digest()?;
        return Ok(Some(lines(reader, first.len() as u64, &run)?.into_scan(head, false)));
    }
    let head = Head::new(run);
    let (line, digest) = (head.line()?, head.digest()?);
    reader.seek(SeekFrom::Start(line.len() as u64))?;
    let found = lines(&mut reader, line.len() as u64, &digest)?;
    if !found.kept.is_empty() {
        return Ok(Some(found.into_scan(head, true)));
    }
    // the first line is incomplete, or the only one
    let length = reader.seek(SeekFrom::End(0))?;
    let alone = first.len() as u64 == length;
    let begun = MARK.starts_with(&first[..first.len().min(MARK.len())]);
    match (begun, alone) {
        (true, true) => Ok(None),
        (true, false) => bail!("it is damaged: the checksum of its first line does not match; delete it to start over"),
        (false, _) => bail!("it is not a journal of this version of pleura: move it away, or delete it"),
    }
}

/// The lines after the first.
#[derive(Default)]
struct Lines {
    kept: HashMap<PathBuf, Kept>,
    end: u64,
    damaged: usize,
}

impl Lines {
    fn into_scan(self, head: Head, healed: bool) -> Scan {
        Scan { head, kept: self.kept, end: self.end, damaged: self.damaged, healed }
    }
}

/// Reads the lines of a run from a position in the file; of two lines for one file, the last counts.
fn lines(mut reader: impl BufRead, start: u64, run: &str) -> io::Result<Lines> {
    let mut found = Lines { end: start, ..Lines::default() };
    let (mut at, mut line, mut bad) = (start, Vec::new(), 0);
    loop {
        line.clear();
        let len = reader.read_until(b'\n', &mut line)?;
        if len == 0 {
            return Ok(found);
        }
        let span = Span { at, len: len - 1 };
        at += len as u64;
        let Some((entry, row)) = line.strip_suffix(b"\n").and_then(|line| Entry::parse(line, run).ok()) else {
            bad += 1;
            continue;
        };
        if let Some(file) = &entry.file {
            found.kept.insert(file.into(), Kept { span, id: row.id, stamp: entry.stamp, map: entry.map });
        }
        // bad lines at the end are cut off, and not counted
        found.damaged += std::mem::take(&mut bad);
        found.end = at;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use serde_json::json;

    use super::*;

    fn identity(manifest: &str) -> Identity {
        serde_json::from_value(json!({
            "pleura": "1", "onnxruntime": null, "device": "cpu", "manifest": { "path": "m.toml", "sha256": manifest },
            "models": [], "plugins": [], "sample": null, "folds": null, "shard": "0/1", "maps": null,
        }))
        .unwrap()
    }

    fn finding(image: usize) -> String {
        let rle = format!("{} 3", 10 * image + 1);
        let runs = json!({ "classifiers": 1, "segmenters": 1 });
        json!({ "id": format!("i{image}"), "size": [8, 8], "area": 3, "runs": runs, "rle": rle }).to_string()
    }

    fn journal(run: &Identity, images: usize) -> Vec<u8> {
        let head = Head::new(run);
        let entry = |image| {
            let finding = serde_json::value::RawValue::from_string(finding(image)).unwrap();
            let entry = Entry { file: Some(format!("f{image}")), stamp: None, windowless: false, map: None, finding };
            entry.line(&head.digest().unwrap()).unwrap() + "\n"
        };
        let entries: String = (0..images).map(entry).collect();
        (head.line().unwrap() + &entries).into_bytes()
    }

    /// Reads a damaged journal as a continued run does; returns the number of images kept, each of them unchanged.
    fn kept(mut bytes: Vec<u8>, run: &Identity) -> Result<usize> {
        let Some(scan) = read(Cursor::new(&bytes), run)? else { return Ok(0) };
        let line = scan.head.line().unwrap();
        if scan.healed {
            bytes[..line.len()].copy_from_slice(line.as_bytes());
        }
        assert!(bytes.starts_with(line.as_bytes()));
        for (file, kept) in &scan.kept {
            let image: usize = file.to_str().unwrap()[1..].parse().unwrap();
            let line = &bytes[kept.span.at as usize..][..kept.span.len];
            let (entry, _) = Entry::parse(line, &scan.head.digest().unwrap()).unwrap();
            assert_eq!(entry.finding.get(), finding(image));
        }
        Ok(scan.kept.len())
    }

    #[test]
    fn any_flipped_bit_costs_two_images_at_most_and_is_never_believed() {
        let run = identity("one");
        for images in [1, 3] {
            let whole = journal(&run, images);
            assert_eq!(kept(whole.clone(), &run).unwrap(), images);
            let head = Head::new(&run).line().unwrap().len();
            for bit in 0..8 * whole.len() {
                let mut bytes = whole.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                // a line end belongs to its line and to the next
                let lost = if bit / 8 < head { 0 } else { 2 };
                assert!(kept(bytes, &run).unwrap() + lost >= images, "bit {bit} of {images} images");
            }
        }
    }

    #[test]
    fn lines_of_another_run_or_without_a_checksum_are_not_believed() {
        let (one, other) = (identity("one"), identity("other"));
        let text = String::from_utf8(journal(&one, 3)).unwrap();
        let foreign = String::from_utf8(journal(&other, 3)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let bare = checksum::unseal(lines[2], &Head::new(&one).digest().unwrap()).unwrap();
        let mixed = [lines[0], lines[1], &bare, foreign.lines().nth(3).unwrap(), lines[3], ""].join("\n");
        let scan = read(Cursor::new(mixed), &one).unwrap().unwrap();
        assert_eq!((scan.kept.len(), scan.damaged), (2, 2));
        assert!(read(Cursor::new("a diary\n"), &one).is_err());
        assert!(read(Cursor::new(&text[..20]), &one).unwrap().is_none());
        // the run cannot be determined
        assert!(read(Cursor::new(foreign.replacen("manifest", "manifesu", 1)), &one).is_err());
    }
}
