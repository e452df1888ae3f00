//! The input files of a run, and those of its shard.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use pleura::Shard;
use pleura::radiograph;
use pleura_files::digest;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::paths::Images;
use crate::remote::{Remotes, Version};
use crate::term;

/// A file's version: its length in bytes, and its modification time in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileVersion {
    bytes: u64,
    changed: i64,
    /// For an object of a server, the start of the SHA-256 of its version there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<u64>,
}

/// A file to predict.
pub struct Input {
    pub path: PathBuf,
    /// Its index among all inputs, those of other shards included.
    pub place: usize,
    /// `None` if the file system does not provide it.
    pub stamp: Option<FileVersion>,
    /// Its id, if it was read to find the shard, or is listed.
    pub id: Option<String>,
}

/// The files of a shard, and digests of all.
pub struct Inputs {
    pub own: Vec<Input>,
    /// The number of files in all shards.
    pub all: usize,
    /// SHA-256 over the paths and versions of all files, in order.
    pub listing: String,
    /// SHA-256 over the ids of all, in order; `None` with a single shard, for which ids are not read.
    pub collection: Option<String>,
}

impl Inputs {
    /// Chooses the files of the shard. Ids are read if the shard, or a `sample`, depends on them.
    pub fn new(images: &Images, shard: Shard, sample: bool) -> Self {
        let Images { paths, ids: listed, remotes } = images;
        let remotes = remotes.as_ref();
        let stamps: Vec<_> = paths.par_iter().map(|path| FileVersion::new(path, remotes)).collect();
        let (all, listing) = (paths.len(), listing(paths, &stamps));
        let ids = match (shard.is_all(), remotes.filter(|_| sample)) {
            // the ids of local files are read where they are needed
            (true, None) => {
                let id = |path: &PathBuf| listed.get(path).cloned().or_else(|| remotes?.listed_id(path));
                paths.iter().map(id).collect()
            }
            _ => ids(paths, listed, remotes),
        };
        let collection = (!shard.is_all()).then(|| collection(paths, &ids));
        let input =
            |(place, ((path, stamp), id)): (usize, ((&PathBuf, _), _))| Input { path: path.clone(), place, stamp, id };
        let inputs = paths.iter().zip(stamps).zip(ids).enumerate().map(input);
        let own = inputs.filter(|input| input.is_held_by(shard)).collect();
        Self { own, all, listing, collection }
    }
}

impl Input {
    fn is_held_by(&self, shard: Shard) -> bool {
        match &self.id {
            _ if shard.is_all() => true,
            Some(id) => shard.holds(id),
            // an unreadable file is reported and skipped by one shard
            None => shard.holds_file(&self.path),
        }
    }
}

impl FileVersion {
    fn new(path: &Path, remotes: Option<&Remotes>) -> Option<Self> {
        match remotes.filter(|remotes| remotes.holds(path)) {
            Some(remotes) => remotes.version(path).map(Self::from),
            None => Self::read(path),
        }
    }

    fn read(path: &Path) -> Option<Self> {
        let found = path.metadata().ok()?;
        let changed = found.modified().ok()?;
        let nanoseconds = changed
            .duration_since(UNIX_EPOCH)
            .map_or_else(|e| -(e.duration().as_nanos() as i128), |d| d.as_nanos() as i128);
        Some(Self { bytes: found.len(), changed: i64::try_from(nanoseconds).ok()?, tag: None })
    }
}

impl From<Version> for FileVersion {
    fn from(Version { bytes, changed, tag }: Version) -> Self {
        let start = |tag: String| {
            let sum: [u8; 32] = Sha256::digest(tag).into();
            u64::from_be_bytes(*sum.first_chunk().expect("a SHA-256 has 32 bytes"))
        };
        Self { bytes, changed, tag: tag.map(start) }
    }
}

fn listing(paths: &[PathBuf], stamps: &[Option<FileVersion>]) -> String {
    let mut sum = Sha256::new();
    for (path, stamp) in paths.iter().zip(stamps) {
        sum.update(path.as_os_str().as_encoded_bytes());
        // paths contain no zero byte
        sum.update(format!("\0{stamp:?}\n"));
    }
    digest::hex(&sum.finalize())
}

/// The id of each file that has one: as listed, or as read.
fn ids(paths: &[PathBuf], listed: &HashMap<PathBuf, String>, remotes: Option<&Remotes>) -> Vec<Option<String>> {
    let bar = term::progress(paths.len() as u64, "reading ids");
    let is_elsewhere = |path: &Path| remotes.is_some_and(|remotes| remotes.holds(path));
    let local = |path: &PathBuf| {
        if let Some(id) = listed.get(path) {
            return Some(id.clone());
        }
        if is_elsewhere(path) {
            return None;
        }
        bar.inc(1);
        radiograph::id_of(path).ok()
    };
    let mut ids: Vec<Option<String>> = paths.par_iter().map(local).collect();
    if let Some(remotes) = remotes {
        let unknown = |at: &usize| ids[*at].is_none() && is_elsewhere(&paths[*at]);
        let unknown: Vec<usize> = (0..paths.len()).filter(unknown).collect();
        let objects: Vec<PathBuf> = unknown.iter().map(|&at| paths[at].clone()).collect();
        for (at, id) in unknown.into_iter().zip(remotes.ids(&objects, || bar.inc(1))) {
            ids[at] = id;
        }
    }
    bar.finish_and_clear();
    ids
}

/// The digest of all ids, in order.
fn collection(paths: &[PathBuf], ids: &[Option<String>]) -> String {
    let mut sum = Sha256::new();
    for (id, path) in ids.iter().zip(paths) {
        match id {
            Some(id) => sum.update(format!("id {}:{id}\n", id.len())),
            None => {
                sum.update(b"file ");
                sum.update(path.file_name().unwrap_or_default().as_encoded_bytes());
                sum.update(b"\n");
            }
        }
    }
    digest::hex(&sum.finalize())
}
