//! Recognizes files by their beginnings, to report swapped arguments, or a recipe in place of a manifest.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use pleura_files::regular;

use super::Paths;

/// Bytes that are read of a file, enough for files written by hand.
const BYTES: u64 = 1 << 20;
/// Number of images that are checked for being another kind of file.
const IMAGES: usize = 32;

/// What a file may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Manifest,
    Recipe,
    Csv,
    Findings,
    Parquet,
    Dicom,
    Png,
    Jpeg,
    Model,
    Folder,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manifest => "an ensemble's manifest",
            Self::Recipe => "a training's recipe",
            Self::Csv => "a CSV",
            Self::Findings => "findings (JSON lines)",
            Self::Parquet => "a Parquet file",
            Self::Dicom => "a DICOM file",
            Self::Png => "a PNG file",
            Self::Jpeg => "a JPEG file",
            Self::Model => "an ONNX model",
            Self::Folder => "a folder",
        })
    }
}

impl Kind {
    /// The certain kind of a file; `None` if it is uncertain.
    pub fn recognize(path: &Path) -> Option<Self> {
        if path.is_dir() {
            return Some(Self::Folder);
        }
        if path.extension().is_some_and(|it| it.eq_ignore_ascii_case("onnx")) {
            return Some(Self::Model);
        }
        let mut bytes = Vec::new();
        regular::open(path).ok()?.take(BYTES).read_to_end(&mut bytes).ok()?;
        Self::of_bytes(&bytes)
    }

    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes {
            _ if bytes.get(128..132) == Some(b"DICM") => return Some(Self::Dicom),
            [b'P', b'A', b'R', b'1', ..] => return Some(Self::Parquet),
            [0x89, b'P', b'N', b'G', ..] => return Some(Self::Png),
            [0xFF, 0xD8, 0xFF, ..] => return Some(Self::Jpeg),
            _ => {}
        }
        let text = std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}');
        let first = text.lines().next().unwrap_or_default();
        if first.starts_with('{') && first.trim_end().ends_with('}') {
            return Some(Self::Findings);
        }
        if first.split(',').any(|name| name.trim().trim_matches('"').starts_with("ImageId")) && !first.contains('=') {
            return Some(Self::Csv);
        }
        let table = text.parse::<toml::Table>().ok()?;
        let has = |keys: &[&str]| keys.iter().any(|key| table.contains_key(*key));
        match (has(&["segmenter", "classifier", "extends"]), has(&["network", "phases", "stack"])) {
            (true, false) => Some(Self::Manifest),
            (false, true) => Some(Self::Recipe),
            _ => None,
        }
    }
}

/// A file that must have a certain kind.
pub struct Expected {
    pub what: String,
    pub path: PathBuf,
    pub kind: Kind,
}

impl Paths {
    /// Declares a file that is read, and its kind.
    pub fn reads_as(&mut self, kind: Kind, what: impl Into<String>, path: &Path) {
        let what = what.into();
        self.reads(what.clone(), path);
        self.expects(kind, what, path);
    }

    /// Declares the kind that a file must have. It is checked after outputs are known to replace no input.
    pub(super) fn expects(&mut self, kind: Kind, what: impl Into<String>, path: &Path) {
        self.expected.push(Expected { what: what.into(), path: path.into(), kind });
    }

    /// Refuses a file that is certainly of another kind than it must be.
    pub(super) fn ensure_kinds(&self) -> Result<()> {
        for expected in &self.expected {
            let Some(found) = Kind::recognize(&expected.path).filter(|found| *found != expected.kind) else { continue };
            let (what, kind, path) = (&expected.what, expected.kind, expected.path.display());
            bail!("{what}: expected {kind}, found {found}, `{path}`{}", self.next_step(expected, found));
        }
        Ok(())
    }

    fn next_step(&self, expected: &Expected, found: Kind) -> String {
        let path = expected.path.display();
        if let Some((what, other)) = self.other(expected) {
            return format!("; {what} `{}` is one: swap the two", other.display());
        }
        match (expected.kind, found) {
            (Kind::Manifest, Kind::Recipe) => {
                format!("; run `pleura train {path}`, which prints the path of the manifest that it writes")
            }
            (Kind::Recipe, Kind::Manifest) => {
                "; run it with `pleura predict`; its members name their recipes as `recipe`".into()
            }
            (Kind::Findings, Kind::Parquet) => "; write them as JSON lines: `--findings findings.jsonl`".into(),
            _ => String::new(),
        }
    }

    /// Another argument that has the expected kind.
    fn other(&self, expected: &Expected) -> Option<(&str, &Path)> {
        let images = self.images.iter().take(IMAGES).map(|path| (self.images_option, path.as_path()));
        let reads = self.reads.iter().map(|read| (read.what.as_str(), read.path.as_path()));
        // files named by a manifest are not arguments, and arguments of the right kind are not suggested
        let belongs = |what: &str| self.expected.iter().any(|it| it.what == what && it.kind == expected.kind);
        let mut all = reads.chain(images).filter(|(what, _)| !what.contains("'s ") && !belongs(what));
        all.find(|(_, path)| Kind::recognize(path) == Some(expected.kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_beginning() {
        let mut dicom = vec![0; 128];
        dicom.extend_from_slice(b"DICM");
        for (bytes, kind) in [
            (&dicom[..], Some(Kind::Dicom)),
            (b"PAR1\x15\x04", Some(Kind::Parquet)),
            (b"\x89PNG\r\n", Some(Kind::Png)),
            (b"\xff\xd8\xff\xe0", Some(Kind::Jpeg)),
            (b"schema = 1\nname = \"x\"\n[[segmenter.members]]\n", Some(Kind::Manifest)),
            (b"schema = 1\n[network]\n[[phases]]\n", Some(Kind::Recipe)),
            (b"[stack]\nkind = \"conv\"\n", Some(Kind::Recipe)),
            (b"\xef\xbb\xbf\"ImageId\",\"EncodedPixels\"\n", Some(Kind::Csv)),
            (b"{\"id\":\"a\"}\n", Some(Kind::Findings)),
            // uncertain: the reader of the file reports what is wrong
            (b"", None),
            (b"schema = 1\n", None),
            (b"[segmenter\n", None),
            (b"segmenter = 1\nnetwork = 2\n", None),
            (b"\xff\xfe", None),
        ] {
            assert_eq!(Kind::of_bytes(bytes), kind, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn arguments_in_each_other_s_place_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("e.toml"), "[[segmenter.members]]\n").unwrap();
        std::fs::write(at("r.toml"), "[network]\n").unwrap();
        std::fs::write(at("i.png"), b"\x89PNG\r\n").unwrap();
        let said = |ensemble: &str, inputs: &str| {
            let mut paths = Paths::default();
            paths.reads_ensemble("ENSEMBLE", &at(ensemble));
            paths.images("INPUTS", &[at(inputs)]).unwrap();
            paths
                .check()
                .map(drop)
                .map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
        };
        assert_eq!(said("e.toml", "i.png"), Ok(()));
        assert_eq!(
            said("i.png", "e.toml").unwrap_err(),
            "ENSEMBLE: expected an ensemble's manifest, found a PNG file, `i.png`; INPUTS `e.toml` is one: swap the two"
        );
        assert_eq!(
            said("r.toml", "i.png").unwrap_err(),
            "ENSEMBLE: expected an ensemble's manifest, found a training's recipe, `r.toml`; run `pleura train \
             r.toml`, which prints the path of the manifest that it writes"
        );
        std::fs::write(at("t.csv"), "ImageId,EncodedPixels\n").unwrap();
        let mut paths = Paths::default();
        paths.reads_as(Kind::Csv, "SUBMISSION", &at("i.png"));
        paths.reads_as(Kind::Csv, "TRUTH", &at("t.csv"));
        let message = paths.check().map(drop).unwrap_err().to_string();
        let expected = format!("SUBMISSION: expected a CSV, found a PNG file, `{}`", at("i.png").display());
        assert_eq!(message, expected);
        let mut paths = Paths::default();
        paths.reads_recipe("RECIPE", &at("e.toml"));
        let message = paths.check().map(drop).unwrap_err().to_string();
        assert!(message.starts_with("RECIPE: expected a training's recipe, found an ensemble's manifest"), "{message}");
    }
}
