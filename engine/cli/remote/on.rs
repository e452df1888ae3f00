//! Objects of servers, by the URLs that name them.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pleura::radiograph::{self, DecodeLimits, ImageHeader};
use pleura_remote::{Object, Options, Part, Remote};

use super::{FetchArgs, Version, is_url, local, name};
use crate::term;

/// Bytes that are read for an id.
const START: u64 = 1 << 14;
/// Bytes ahead, without `--memory`.
const AHEAD: u64 = 256 << 20;

/// The objects of a run.
pub struct Remotes {
    remote: Remote,
    objects: HashMap<PathBuf, Object>,
}

impl Remotes {
    /// No objects yet; `first` is a URL.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn open(args: FetchArgs, _first: &Path) -> Result<Self> {
        let ahead_bytes = args.memory.map_or(AHEAD, |memory| memory.0 / 8);
        let (ahead, retry) = (args.prefetch.into(), Duration::from_secs(args.retry.into()));
        let options = Options { ahead, ahead_bytes, retry, ..Options::default() };
        let remote = Remote::new(options).context("cannot start to read inputs by URL")?;
        Ok(Self { remote, objects: HashMap::new() })
    }

    /// The objects that URLs name, each once, in their order. Names in folders that no image has are left out. Of URLs
    /// that are not `wanted`, the server is not asked: they are named as they are, and have no version.
    ///
    /// # Errors
    /// If a URL is malformed or names nothing, or its server cannot be reached, which is transient.
    pub fn find(&mut self, urls: &[PathBuf], wanted: impl Fn(&PathBuf) -> bool) -> Result<Vec<PathBuf>> {
        let mut names = Vec::new();
        let asked: Vec<&str> = urls.iter().filter(|url| wanted(url)).filter_map(|url| url.to_str()).collect();
        let bar = term::progress(asked.len() as u64, "listing");
        let mut found = self.remote.find_each(&asked);
        for url in urls {
            if !wanted(url) {
                names.push(name(url));
                continue;
            }
            let found = found.next().context("a URL is text")?;
            let found = found.map_err(io::Error::from).with_context(|| format!("cannot list `{}`", url.display()))?;
            names.extend(add(&mut self.objects, url, found)?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(names)
    }

    /// The version of an object; `None` if its server does not say, or if it is a local file.
    pub fn version(&self, path: &Path) -> Option<Version> {
        let object = self.objects.get(path)?;
        if object.tag.is_none() && object.modified.is_none() {
            return None;
        }
        let (bytes, changed) = (object.bytes.unwrap_or_default(), object.modified.unwrap_or_default());
        Some(Version { bytes, changed, tag: object.tag.clone() })
    }

    /// Whether a path names an object.
    pub fn holds(&self, path: &Path) -> bool {
        self.objects.contains_key(path)
    }

    /// The id that a server lists for an object.
    pub fn listed_id(&self, path: &Path) -> Option<String> {
        self.objects.get(path)?.id.clone()
    }

    /// The id of each object, as its server lists it, or from its first bytes; `None` for an object that has none or
    /// cannot be read, which reading it reports. `each` is called after each.
    pub fn ids(&self, paths: &[PathBuf], mut each: impl FnMut()) -> Vec<Option<String>> {
        let is_unknown = |object: &&Object| object.id.is_none();
        let objects = || paths.iter().map(|path| self.objects.get(path));
        let unknown: Vec<&Object> = objects().flatten().filter(is_unknown).collect();
        let mut starts = self.remote.fetch(unknown, Part::Start(START));
        let id = |object: Option<&Object>| {
            each();
            match object? {
                Object { id: Some(id), .. } => Some(id.clone()),
                object => self.id(object, &starts.next()?.ok()?),
            }
        };
        objects().map(id).collect()
    }

    fn id(&self, object: &Object, start: &[u8]) -> Option<String> {
        radiograph::id_of_start(start, &object.name).or_else(|| {
            // unusual: the header is long, or needs the whole file
            let bytes = self.remote.read(object, Part::Whole).ok()?;
            ImageHeader::decode(&bytes, &object.name).ok().map(|header| header.id)
        })
    }

    /// The bytes of files, objects and local ones, in their order.
    pub fn files<'a>(
        &'a self,
        paths: &'a [PathBuf],
        limits: DecodeLimits,
    ) -> impl Iterator<Item = (PathBuf, io::Result<Vec<u8>>)> + Send + 'a {
        let objects: Vec<&Object> = paths.iter().filter_map(|path| self.objects.get(path)).collect();
        let mut fetched = self.remote.fetch(objects, Part::Whole);
        paths.iter().map(move |path| {
            let bytes = match is_url(path) {
                true => fetched.next().map_or_else(|| Err(io::ErrorKind::NotFound.into()), |it| it.map_err(Into::into)),
                false => local(path, limits),
            };
            (path.clone(), bytes)
        })
    }
}

/// Adds what was found of a URL; returns the names that are new.
fn add(objects: &mut HashMap<PathBuf, Object>, url: &Path, found: Vec<Object>) -> Result<Vec<PathBuf>> {
    let (count, mut names, mut left_out) = (found.len(), Vec::new(), 0);
    for object in found {
        let name = PathBuf::from(&object.name);
        // consoles make empty objects that stand for folders
        let is_folder = object.bytes == Some(0) && !radiograph::is_image_name(&name);
        // what is named itself is taken as it is, and DICOMweb has lists of images alone
        if count > 1 && object.id.is_none() && (is_folder || !radiograph::may_be_image_name(&name)) {
            left_out += 1;
        } else if objects.insert(name.clone(), object).is_none() {
            names.push(name);
        }
    }
    if left_out > 0 {
        term::note(format_args!("left out {} of `{}`, by name", term::quantity(left_out, "object"), url.display()));
    }
    ensure!(left_out < count, "`{}` holds no DICOM, PNG or JPEG image", url.display());
    Ok(names)
}
