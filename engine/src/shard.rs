//! One of N parts of a collection. An image's id alone determines its part, so that independent processes share the
//! work without leaving out or repeating any.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One of N parts of a collection, counted from 0. Written `I/N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Shard {
    index: u32,
    of: u32,
}

impl Shard {
    /// The single part that is the whole.
    pub const ALL: Self = Self { index: 0, of: 1 };

    /// Part `index` of `of`; `None` unless `index` is below `of`.
    #[must_use]
    pub fn new(index: u32, of: u32) -> Option<Self> {
        (index < of).then_some(Self { index, of })
    }

    /// The part's index, from 0.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// The number of parts.
    #[must_use]
    pub fn count(self) -> u32 {
        self.of
    }

    /// Whether this part is the whole.
    #[must_use]
    pub fn is_all(self) -> bool {
        self.of == 1
    }

    /// Whether an image with this id belongs here: the first eight bytes of its SHA-256 as a big-endian number, modulo
    /// N. The same on every machine and for every version.
    #[must_use]
    pub fn holds(self, id: &str) -> bool {
        self.holds_bytes(id.as_bytes())
    }

    /// For a file whose id cannot be read: as [`holds`](Self::holds) with the file's name, without its folder.
    #[must_use]
    pub fn holds_file(self, path: &Path) -> bool {
        self.holds_bytes(path.file_name().unwrap_or(path.as_os_str()).as_encoded_bytes())
    }

    fn holds_bytes(self, bytes: &[u8]) -> bool {
        let sum: [u8; 32] = Sha256::digest(bytes).into();
        let first = sum.first_chunk().expect("a SHA-256 has 32 bytes");
        u64::from_be_bytes(*first) % u64::from(self.of) == u64::from(self.index)
    }

    /// This part's name of an output: `submission.csv` becomes `submission.shard-2-of-4.csv`. The whole keeps the name.
    #[must_use]
    pub fn name(self, path: &Path) -> PathBuf {
        if self.is_all() {
            return path.into();
        }
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!(".shard-{}-of-{}", self.index, self.of));
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        path.with_file_name(name)
    }

    /// Reverses [`name`](Self::name): the output that a part belongs to, and the part. `None` if the name is not a
    /// part's.
    #[must_use]
    pub fn of_name(path: &Path) -> Option<(PathBuf, Self)> {
        let parse = |mark: &str| {
            let (index, of) = mark.strip_prefix("shard-")?.split_once("-of-")?;
            Self::new(index.parse().ok()?, of.parse().ok()?).filter(|shard| !shard.is_all())
        };
        // without an extension of its own, the mark looks like one
        if let Some(shard) = parse(path.extension()?.to_str()?) {
            return Some((path.with_extension(""), shard));
        }
        let stem = Path::new(path.file_stem()?);
        let shard = parse(stem.extension()?.to_str()?)?;
        let whole = Path::new(stem.file_stem()?).with_added_extension(path.extension()?);
        Some((path.with_file_name(whole), shard))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    /// Reads `I/N`.
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        numbers
            .and_then(|(index, of)| Self::new(index, of))
            .ok_or_else(|| format!("expected I/N with I from 0 to N-1, such as 0/4, found `{text}`"))
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_read_and_print_alike() {
        for text in ["0/1", "0/4", "3/4", "4294967294/4294967295"] {
            assert_eq!(text.parse::<Shard>().unwrap().to_string(), text);
        }
        for text in ["", "1", "4/4", "0/0", "-1/4", "1/", "/4", "1/2/3", " 0/4", "4294967296/4294967297"] {
            assert!(text.parse::<Shard>().unwrap_err().contains("I from 0 to N-1"), "{text}");
        }
    }

    #[test]
    fn outputs_are_named_and_their_names_read_again() {
        let shard = Shard::new(2, 4).unwrap();
        let cases = [
            ("submission.csv", "submission.shard-2-of-4.csv"),
            ("a.b/findings.v1.jsonl", "a.b/findings.v1.shard-2-of-4.jsonl"),
            ("/bare", "/bare.shard-2-of-4"),
        ];
        for (whole, part) in cases {
            assert_eq!(shard.name(Path::new(whole)), Path::new(part));
            assert_eq!(Shard::of_name(Path::new(part)), Some((whole.into(), shard)));
            assert_eq!(Shard::ALL.name(Path::new(whole)), Path::new(whole));
        }
        for other in ["submission.csv", "x.shard-4-of-4.csv", "x.shard-0-of-1.csv", "x.shard-1.csv", "shard-1-of-4"] {
            assert_eq!(Shard::of_name(Path::new(other)), None, "{other}");
        }
    }

    /// Computed by Python: `int.from_bytes(hashlib.sha256(id.encode()).digest()[:8], "big") % n`.
    #[test]
    fn where_an_id_belongs_never_changes() {
        let index = |id: &str, of| (0..of).find(|&index| Shard::new(index, of).unwrap().holds(id)).unwrap();
        for (id, parts) in GOLDEN {
            assert_eq!([2, 3, 4, 7, 1000].map(|of| index(id, of)), parts, "{id}");
        }
        assert!(Shard::ALL.holds("anything"));
        assert!((0..7).all(|i| {
            let shard = Shard::new(i, 7).unwrap();
            shard.holds("a.dcm") == shard.holds_file(Path::new("some/folder/a.dcm"))
        }));
    }

    /// An id, and its parts for N = 2, 3, 4, 7 and 1000.
    const GOLDEN: [(&str, [u32; 5]); 3] = [
        ("", [0, 1, 0, 1, 652]),
        ("1.2.276.0.7230010.3.1.4.8323329.4904.1517875185.355709", [1, 2, 1, 0, 441]),
        ("äö 1", [0, 1, 2, 5, 50]),
    ];
}
