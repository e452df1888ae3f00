//! The input files of a run, and those of its shard.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use pleura::Shard;
use pleura::radiograph;
use pleura_files::digest;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::term;

/// A file's version: its length in bytes, and its modification time in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileVersion {
    bytes: u64,
    changed: i64,
}

/// A file to predict.
pub struct Input {
    pub path: PathBuf,
    /// Its index among all inputs, those of other shards included.
    pub place: usize,
    /// `None` if the file system does not provide it.
    pub stamp: Option<FileVersion>,
    /// Its id, if it was read to find the shard.
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
    /// Chooses the files of the shard.
    pub fn new(files: &[PathBuf], shard: Shard) -> Self {
        let paths = files.to_vec();
        let stamps: Vec<_> = paths.par_iter().map(|path| FileVersion::read(path)).collect();
        let (all, listing) = (paths.len(), listing(&paths, &stamps));
        let (ids, collection) = match shard.is_all() {
            true => (vec![None; all], None),
            false => ids(&paths),
        };
        let input = |(place, ((path, stamp), id))| Input { path, place, stamp, id };
        let inputs = paths.into_iter().zip(stamps).zip(ids).enumerate().map(input);
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
    fn read(path: &Path) -> Option<Self> {
        let found = path.metadata().ok()?;
        let changed = found.modified().ok()?;
        let nanoseconds = changed
            .duration_since(UNIX_EPOCH)
            .map_or_else(|e| -(e.duration().as_nanos() as i128), |d| d.as_nanos() as i128);
        Some(Self { bytes: found.len(), changed: i64::try_from(nanoseconds).ok()? })
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

/// The id of each file that has one, and the digest of all ids.
fn ids(paths: &[PathBuf]) -> (Vec<Option<String>>, Option<String>) {
    let bar = term::progress(paths.len() as u64, "reading ids");
    let id = |path: &PathBuf| {
        bar.inc(1);
        radiograph::id_of(path).ok()
    };
    let ids: Vec<Option<String>> = paths.par_iter().map(id).collect();
    bar.finish_and_clear();
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
    (ids, Some(digest::hex(&sum.finalize())))
}
