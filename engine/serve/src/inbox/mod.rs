//! The spool: an object is on the disk, and in the ledger, before its sender hears that it was received.
//!
//! 1. Bytes are written to `parts/`, within the limits.
//! 2. The file is synced, and renamed to `objects/<SHA-256>`; the folder is synced.
//! 3. A row is committed to the ledger, which is synced, too.
//! 4. The sender is answered.
//!
//! A crash before 3 leaves a file without a row, which the next start removes; the sender, which has no answer, sends
//! again. A crash after 3 leaves a row: the same bytes again are a duplicate, and are not processed again.

pub mod ledger;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use dicom_dictionary_std::tags;
use dicom_object::OpenFileOptions;
use pleura::radiograph::{self, ImageHeader};
use pleura_dicom_out::Object;
use pleura_files::digest;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::error::{Refusal, ServeError};
use ledger::{Item, Ledger, Outcome};

/// Why an object is refused whose UID is none.
pub const NO_UID: &str = "its SOP Instance UID is not a UID of 1 to 64 digits and dots";

/// Limits of the spool.
#[derive(Debug, Clone, Copy)]
pub struct SpoolLimits {
    /// Bytes of one object.
    pub object: u64,
    /// Bytes of all files.
    pub spool: u64,
}

/// The spool.
pub struct Inbox {
    folder: PathBuf,
    /// What was received.
    pub ledger: Ledger,
    limits: SpoolLimits,
    used: AtomicU64,
    /// Held while a file gets its row or loses it: a file that is being taken is not removed.
    filing: Mutex<()>,
    _lock: File,
}

/// An object that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its key in the ledger.
    pub key: String,
    /// Whether it was there before.
    pub duplicate: bool,
}

/// What the sender says of an object.
pub struct Said<'a> {
    /// Who sent it.
    pub origin: &'a str,
    /// A file name; `None` for a DICOM object.
    pub name: Option<&'a str>,
    /// The SOP Instance UID of the request.
    pub uid: Option<&'a str>,
    /// The Study Instance UID of the request.
    pub study: Option<&'a str>,
    /// Whether the UID must be one by the standard: for DICOM senders.
    pub strict: bool,
}

impl Inbox {
    /// Opens or creates a spool, and removes what a crash left without a row.
    ///
    /// # Errors
    /// If the folder cannot be written, another node has it, or its ledger is damaged.
    pub fn open(folder: &Path, limits: SpoolLimits) -> Result<Self, ServeError> {
        for name in ["objects", "parts", "dead"] {
            let path = folder.join(name);
            fs::create_dir_all(&path).map_err(ServeError::file(path))?;
        }
        let path = folder.join("lock");
        let lock = File::create(&path).map_err(ServeError::file(&path))?;
        lock.try_lock().map_err(|_| ServeError::Locked { path: folder.into() })?;
        let ledger = Ledger::open(&folder.join("ledger.sqlite"))?;
        let (filing, used) = (Mutex::new(()), AtomicU64::new(0));
        let inbox = Self { folder: folder.into(), ledger, limits, used, filing, _lock: lock };
        inbox.sweep()?;
        sync_folder(folder).map_err(ServeError::file(folder))?;
        Ok(inbox)
    }

    fn sweep(&self) -> Result<(), ServeError> {
        for (name, keep) in [("parts", false), ("objects", true)] {
            let path = self.folder.join(name);
            for entry in fs::read_dir(&path).map_err(ServeError::file(&path))? {
                let entry = entry.map_err(ServeError::file(&path))?;
                if keep && self.ledger.needs(&entry.file_name().to_string_lossy())? {
                    let bytes = entry.metadata().map_err(ServeError::file(entry.path()))?.len();
                    self.used.fetch_add(bytes, Ordering::Relaxed);
                } else {
                    fs::remove_file(entry.path()).map_err(ServeError::file(entry.path()))?;
                }
            }
        }
        Ok(())
    }

    /// The file of a hash.
    #[must_use]
    pub fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join("objects").join(sha256)
    }

    /// A folder of the spool.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Bytes of all files.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Begins an object.
    ///
    /// # Errors
    /// If the spool is full.
    pub fn begin(&self) -> Result<Part<'_>, Refusal> {
        let file = NamedTempFile::new_in(self.folder.join("parts"))?;
        Ok(Part { inbox: self, file: Some(file), hash: Sha256::new(), bytes: 0 })
    }

    /// Files an object's results and records its outcome: a sweep sees both or neither.
    ///
    /// # Errors
    /// If the spool is full, or the ledger cannot be written.
    pub fn finish(&self, id: i64, mut outcome: Outcome<'_>, results: &[Object]) -> Result<(), Refusal> {
        let written: Vec<(String, Part<'_>)> =
            results.iter().map(|object| self.written(&object.bytes)).collect::<Result<_, _>>()?;
        let filing = self.filing.lock();
        let recorded =
            self.place_all(results, written, &mut outcome).and_then(|()| Ok(self.ledger.finish(id, &outcome)?));
        drop(filing);
        if recorded.is_err() {
            // the next attempt makes other files: they hold the time
            let hashes: Vec<String> = outcome.items.into_iter().map(|item| item.sha256).collect();
            self.discard(&hashes)?;
        }
        recorded
    }

    /// Gives results their places, and adds them to the outcome.
    fn place_all(
        &self,
        results: &[Object],
        written: Vec<(String, Part<'_>)>,
        outcome: &mut Outcome<'_>,
    ) -> Result<(), Refusal> {
        for (object, (sha256, mut part)) in results.iter().zip(written) {
            part.place(&sha256)?;
            outcome.items.push(Item { uid: object.uid.clone(), class: object.kind.sop_class().into(), sha256 });
        }
        if !results.is_empty() {
            sync_folder(&self.folder.join("objects"))?;
        }
        Ok(())
    }

    /// A synced file that has no place yet, and its hash.
    fn written(&self, bytes: &[u8]) -> Result<(String, Part<'_>), Refusal> {
        let mut part = self.begin()?;
        // not limited: what was received could otherwise never leave a full spool
        part.reserve(bytes.len(), u64::MAX)?;
        part.file().write_all(bytes)?;
        part.file().as_file().sync_all()?;
        Ok((digest::bytes(bytes), part))
    }

    /// Removes files that nothing needs any more.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn discard(&self, hashes: &[String]) -> Result<(), rusqlite::Error> {
        let _filing = self.filing.lock();
        for hash in hashes {
            let path = self.path(hash);
            let bytes = fs::metadata(&path).map_or(0, |found| found.len());
            if !self.ledger.needs(hash)? && fs::remove_file(path).is_ok() {
                self.used.fetch_sub(bytes, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// An object that is being received; dropped, nothing of it remains.
pub struct Part<'a> {
    inbox: &'a Inbox,
    /// `None` once it has its place.
    file: Option<NamedTempFile>,
    hash: Sha256,
    bytes: u64,
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        if self.file.is_some() {
            self.inbox.used.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

impl Part<'_> {
    fn file(&mut self) -> &mut NamedTempFile {
        self.file.as_mut().expect("a part is placed once")
    }

    fn reserve(&mut self, bytes: usize, limit: u64) -> Result<(), Refusal> {
        let used = self.inbox.used.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        self.bytes += bytes as u64;
        if used > limit { Err(Refusal::Full(format!("{limit} bytes (`--max-spool`)"))) } else { Ok(()) }
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// If the object becomes too large, or the disk or the spool is full.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        if self.bytes + bytes.len() as u64 > self.inbox.limits.object {
            return Err(Refusal::TooLarge(self.inbox.limits.object));
        }
        self.reserve(bytes.len(), self.inbox.limits.spool)?;
        self.hash.update(bytes);
        self.file().write_all(bytes)?;
        Ok(())
    }

    /// Files the object; when this returns, it survives a crash of the machine.
    ///
    /// # Errors
    /// If it is not an image, its UID is invalid or that of another object, or the disk is full.
    pub fn commit(mut self, said: &Said<'_>) -> Result<Received, Refusal> {
        let sha256 = digest::hex(&self.hash.clone().finalize());
        let name = said.name.map_or_else(|| "object.dcm".into(), safe_name);
        let (key, name) = self.identify(said, &sha256, name)?;
        if let Some(known) = known(self.inbox, &key, &sha256)? {
            return Ok(known);
        }
        self.file().as_file().sync_all()?;
        let (inbox, bytes) = (self.inbox, self.bytes);
        let _filing = inbox.filing.lock();
        self.place(&sha256)?;
        sync_folder(&inbox.folder.join("objects"))?;
        let added = inbox.ledger.insert(&key, &sha256, &name, said.origin, bytes);
        match added {
            Ok(true) => Ok(Received { key, duplicate: false }),
            // another association was faster, or there is no row: the file goes unless one needs it
            outcome => {
                if !inbox.ledger.needs(&sha256).unwrap_or(true) && fs::remove_file(inbox.path(&sha256)).is_ok() {
                    inbox.used.fetch_sub(bytes, Ordering::Relaxed);
                }
                outcome?;
                known(inbox, &key, &sha256)?.ok_or_else(|| Refusal::Failed("its row vanished".into()))
            }
        }
    }

    /// The key and the name of an object.
    fn identify(&mut self, said: &Said<'_>, sha256: &str, name: String) -> Result<(String, String), Refusal> {
        self.file().flush()?;
        let mut start = [0; 132];
        let read = File::open(self.file().path()).and_then(|mut file| std::io::Read::read(&mut file, &mut start))?;
        let dicom = radiograph::is_dicom(&start[..read]);
        if !dicom && said.name.is_none() {
            return Err(Refusal::Invalid("is not a DICOM file"));
        }
        if !dicom {
            ImageHeader::open(self.file().path()).map_err(|_| Refusal::Invalid("is not a DICOM, PNG or JPEG image"))?;
            return Ok((format!("{}.{}", &sha256[..32], stem(&name)), name));
        }
        // the spool's path is not the sender's business
        let id = radiograph::id_of(self.file().path())
            .map_err(|_| Refusal::Uid("is not a DICOM image with a SOP Instance UID"))?;
        let valid = if said.strict { is_uid(&id) } else { is_id(&id) };
        if !valid {
            return Err(Refusal::Uid(NO_UID));
        }
        if said.uid.is_some_and(|uid| uid != id) {
            return Err(Refusal::Mismatch);
        }
        if let Some(study) = said.study
            && study_of(self.file().path()).as_deref() != Some(study)
        {
            return Err(Refusal::Mismatch);
        }
        Ok((id, name))
    }

    /// Gives the synced file its place; the folder is still to be synced.
    fn place(&mut self, sha256: &str) -> Result<(), Refusal> {
        let path = self.inbox.path(sha256);
        if path.exists() {
            // the same bytes under another name: dropping the part frees what it took
            return Ok(());
        }
        let file = self.file.take().expect("a part is placed once");
        if let Err(error) = file.persist(path) {
            self.inbox.used.fetch_sub(self.bytes, Ordering::Relaxed);
            return Err(error.error.into());
        }
        Ok(())
    }
}

fn known(inbox: &Inbox, key: &str, sha256: &str) -> Result<Option<Received>, Refusal> {
    match inbox.ledger.get(key)? {
        None => Ok(None),
        Some(object) if object.sha256 == sha256 => Ok(Some(Received { key: key.into(), duplicate: true })),
        Some(_) => Err(Refusal::Conflict),
    }
}

/// Whether text is a UID by DICOM PS3.5, 9.1, but for leading zeros, which devices do write.
#[must_use]
pub fn is_uid(text: &str) -> bool {
    let component = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 64 && text.split('.').all(component)
}

/// Whether text is an id of a public collection, such as `ID_0011fe81e`.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The Study Instance UID of a DICOM file.
fn study_of(path: &Path) -> Option<String> {
    let object = OpenFileOptions::new().read_until(tags::SERIES_NUMBER).open_file(path).ok()?;
    let text = object.element(tags::STUDY_INSTANCE_UID).ok()?.to_str().ok()?;
    Some(text.trim_end_matches(['\0', ' ']).to_owned())
}

/// A file name that is only a name: what a sender calls an image becomes its id.
fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = last.chars().take(100).map(kept).collect();
    if stem(&name).is_empty() { "image".into() } else { name }
}

fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(shade: u8) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::GrayImage::from_pixel(3, 2, image::Luma([shade])).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn send(inbox: &Inbox, bytes: &[u8], name: &str) -> Result<Received, Refusal> {
        let mut part = inbox.begin()?;
        part.write(bytes)?;
        part.commit(&Said { origin: "test", name: Some(name), uid: None, study: None, strict: false })
    }

    fn files(folder: &Path) -> usize {
        ["objects", "parts"].iter().map(|name| fs::read_dir(folder.join(name)).unwrap().count()).sum()
    }

    #[test]
    fn an_object_is_kept_once_and_what_is_refused_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let inbox = Inbox::open(folder.path(), SpoolLimits { object: 100, spool: 160 }).unwrap();
        let first = send(&inbox, &png(1), "../../a b.png").unwrap();
        assert!(!first.duplicate && first.key.ends_with(".a_b"), "{first:?}");
        assert!(send(&inbox, &png(1), "a b.png").unwrap().duplicate);
        assert!(matches!(send(&inbox, &[0; 101], "b.png"), Err(Refusal::TooLarge(100))));
        send(&inbox, &png(2), "c.png").unwrap();
        assert!(matches!(send(&inbox, &png(3), "d.png"), Err(Refusal::Full(_))));
        assert_eq!((files(folder.path()), inbox.used()), (2, 152));
        assert!(matches!(Inbox::open(folder.path(), inbox.limits), Err(ServeError::Locked { .. })));
    }

    #[test]
    fn a_restart_removes_what_has_no_row_and_keeps_what_has() {
        let folder = tempfile::tempdir().unwrap();
        let limits = SpoolLimits { object: 200, spool: 1000 };
        let inbox = Inbox::open(folder.path(), limits).unwrap();
        let kept = send(&inbox, &png(1), "a.png").unwrap();
        drop(inbox);
        fs::write(folder.path().join("parts/half"), "half").unwrap();
        fs::write(folder.path().join("objects/0000"), "without a row").unwrap();
        let inbox = Inbox::open(folder.path(), limits).unwrap();
        assert_eq!((files(folder.path()), inbox.used()), (1, 76));
        let object = inbox.ledger.next(0).unwrap().unwrap();
        assert_eq!((object.key, object.state.as_str()), (kept.key, "queued"));
    }
}
