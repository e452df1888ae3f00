//! An object: a file elsewhere, as its server lists it.

/// A file elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Object {
    /// Its URL, without a query, which may hold a signature: what names it in outputs.
    pub name: String,
    /// Its length in bytes, if its server says.
    pub bytes: Option<u64>,
    /// When it was last modified, in nanoseconds since 1970, if its server says.
    pub modified: Option<i64>,
    /// Its version, if its server has them: an ETag, or for DICOMweb the SOP Instance UID, whose object never changes.
    pub tag: Option<String>,
    /// The image's id, if its server lists it: the SOP Instance UID.
    pub id: Option<String>,
    /// The query of its URL.
    pub(crate) query: Option<String>,
}

impl Object {
    pub(crate) fn new(name: String) -> Self {
        Self { name, bytes: None, modified: None, tag: None, id: None, query: None }
    }
}

/// The part of an object to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// At most this many bytes from its start. DICOMweb gives whole objects only.
    Start(u64),
}

impl Part {
    /// The length of this part of an object.
    pub(crate) fn of(self, bytes: u64) -> u64 {
        match self {
            Self::Whole => bytes,
            Self::Start(most) => bytes.min(most),
        }
    }
}
