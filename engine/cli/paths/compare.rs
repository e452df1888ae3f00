//! The comparison: no output is an input, and no two outputs are the same file.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use pleura::onnx::Skeleton;
use pleura::radiograph;
use pleura_files::regular;
use walkdir::WalkDir;

use super::identity::{Identity, real};
use super::{Checked, Images, Names, PICTURES, Paths, Read, Write};

/// Larger models, in bytes, are not searched for the names of other files: ONNX's own limit is 2 GiB.
const MAX_MODEL: u64 = 4 << 30;

impl Paths {
    /// Compares all outputs with all inputs and with each other.
    ///
    /// # Errors
    /// If an output is an input or would be read as one the next time, two outputs are the same file, or an input is
    /// certainly of the wrong kind.
    pub(super) fn check(mut self) -> Result<Checked> {
        for (place, write) in self.writes.iter().enumerate() {
            self.writes[..place].iter().try_for_each(|other| write.ensure_apart(other))?;
            self.searched.iter().try_for_each(|folder| write.ensure_outside(folder, self.images_option))?;
        }
        self.ensure_kept()?;
        self.ensure_kinds()?;
        let Some(later) = self.later.take() else {
            return Ok(Checked(Images { paths: self.images, ..Images::default() }));
        };
        let mut found = later.find()?;
        self.images = found.paths;
        self.ensure_kept()?;
        found.paths = self.images;
        Ok(Checked(found))
    }

    /// Refuses outputs that are inputs. A file that does not exist yet cannot be an input, so that this costs nothing
    /// if all outputs are new.
    fn ensure_kept(&self) -> Result<()> {
        let replaced = self.replaced();
        let caches: Vec<_> = self
            .writes
            .iter()
            .filter(|write| matches!(write.names, Names::Answers))
            .map(|it| (it, real(&it.path)))
            .collect();
        if replaced.is_empty() && caches.is_empty() {
            return Ok(());
        }
        let check = |what: &str, path: &Path| -> Result<()> {
            // without replaced files there is nothing to look for
            let identity = if replaced.is_empty() { None } else { Identity::existing(path) };
            let found = identity.and_then(|identity| replaced.get(&identity));
            if let Some((write, target)) = found.filter(|(write, _)| write.updates != Some(what)) {
                bail!(write.overwrites(what, path, target));
            }
            let is_entry = path.extension() == Some(OsStr::new("answer"));
            let cache = caches.iter().find(|(_, folder)| is_entry && real(path).starts_with(folder));
            ensure!(cache.is_none(), cache.map_or(String::new(), |(write, _)| write.overwrites(what, path, path)));
            Ok(())
        };
        for read in &self.reads {
            check(&read.what, &read.path)?;
            for file in read.weights(replaced.values().map(|(_, target)| &**target)) {
                check(&format!("{} (its weights)", read.what), &file)?;
            }
        }
        self.images.iter().try_for_each(|path| check(self.images_option, path))
    }

    /// The existing files that may be replaced, each with its output.
    fn replaced(&self) -> HashMap<Identity, (&Write, PathBuf)> {
        let mut replaced = HashMap::new();
        for write in &self.writes {
            for target in write.targets() {
                replaced.extend(Identity::existing(&target).map(|identity| (identity, (write, target))));
            }
        }
        replaced
    }
}

impl Read {
    /// The files in which a model keeps weights, if one of `targets` could be such a file: it is beside the model, or
    /// has several hard links.
    fn weights<'a>(&self, mut targets: impl Iterator<Item = &'a Path>) -> Vec<PathBuf> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let home = real(folder);
        let may_be = |target: &Path| real(target).starts_with(&home) || has_several_names(target);
        if !self.is_model || !targets.any(may_be) {
            return Vec::new();
        }
        let small = self.path.metadata().is_ok_and(|found| found.is_file() && found.len() <= MAX_MODEL);
        // a model that cannot be read is reported when it is opened
        let bytes = small.then(|| regular::read(&self.path).ok()).flatten().unwrap_or_default();
        let names = Skeleton::read(&bytes).map(|it| it.external_files()).unwrap_or_default();
        names.iter().map(|name| folder.join(name)).collect()
    }
}

#[cfg(unix)]
fn has_several_names(path: &Path) -> bool {
    std::os::unix::fs::MetadataExt::nlink(&match path.metadata() {
        Ok(found) => found,
        Err(_) => return false,
    }) > 1
}

#[cfg(not(unix))]
fn has_several_names(_: &Path) -> bool {
    true
}

impl Write {
    /// The existing files that this output may replace.
    fn targets(&self) -> Vec<PathBuf> {
        match &self.names {
            Names::File => vec![self.path.clone()],
            Names::Like(_) => {
                let entries = self.path.read_dir().into_iter().flatten().flatten();
                entries.filter(|entry| self.takes(&entry.file_name())).map(|entry| entry.path()).collect()
            }
            Names::Tree => WalkDir::new(&self.path).into_iter().flatten().map(walkdir::DirEntry::into_path).collect(),
            // a cache may have millions of entries: they are recognized by name instead
            Names::Answers => Vec::new(),
        }
    }

    /// Whether the output may replace a file of this name in the folder.
    fn takes(&self, name: &OsStr) -> bool {
        let Names::Like(patterns) = &self.names else { return false };
        let name = name.to_string_lossy().to_lowercase();
        patterns.iter().any(|pattern| {
            let pattern = pattern.to_lowercase();
            match pattern.split_once('*') {
                None => name == pattern,
                Some((start, end)) => {
                    name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
                }
            }
        })
    }

    /// Refuses two outputs that are the same file.
    fn ensure_apart(&self, other: &Self) -> Result<()> {
        let (what, other_what, path) = (&self.what, &other.what, self.path.display());
        let same = Identity::new(&self.path).is_same(&Identity::new(&other.path));
        ensure!(!same, "{other_what} and {what} name the same file, `{path}`: use different paths");
        for (file, folder) in [(self, other), (other, self)] {
            let (what, folder_what, path) = (&file.what, &folder.what, file.path.display());
            ensure!(
                !matches!(file.names, Names::File) || !folder.holds(&file.path),
                "{what}, `{path}`, is one of the files that {folder_what} writes: use different paths"
            );
        }
        Ok(())
    }

    /// Whether a file may be one of those written in this folder.
    fn holds(&self, file: &Path) -> bool {
        let (file, folder) = (real(file), real(&self.path));
        match &self.names {
            Names::File | Names::Answers => false,
            Names::Like(_) => file.parent() == Some(&folder) && self.takes(file.file_name().unwrap_or_default()),
            Names::Tree => file.starts_with(&folder),
        }
    }

    /// Refuses pictures in a folder that is searched for radiographs: the next run would read them as such.
    fn ensure_outside(&self, searched: &Path, images_option: &str) -> Result<()> {
        let is_picture = match &self.names {
            Names::File => radiograph::is_image_name(&self.path),
            Names::Like(names) => names.iter().any(|name| name == PICTURES),
            Names::Tree | Names::Answers => false,
        };
        if !is_picture {
            return Ok(());
        }
        let (path, folder) = (real(&self.path), real(searched));
        let below = path.strip_prefix(&folder).ok();
        let is_hidden = |path: &Path| path.iter().any(|name| name.as_encoded_bytes().starts_with(b"."));
        ensure!(
            below.is_none_or(is_hidden),
            "{what}, `{path}`, lies in a folder of {images_option}, `{searched}`, and the next run would read it as a \
             radiograph: choose a path outside that folder",
            what = self.what,
            path = self.path.display(),
            searched = searched.display()
        );
        Ok(())
    }

    /// The message for an output that is an input.
    fn overwrites(&self, what: &str, input: &Path, target: &Path) -> String {
        let (own, input, target) = (&self.what, input.display().to_string(), target.display().to_string());
        let alias = if input == target { String::new() } else { format!(" (it is `{target}`)") };
        format!("{own} would overwrite an input, {what} `{input}`{alias}: choose another path for {own}")
    }
}
