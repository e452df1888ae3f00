//! Radiographs of `predict`: local files, URLs, and lists of both.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use pleura::{Shard, radiograph};

use super::list::ListArgs;
use super::{Paths, left_out};
use crate::remote::{FetchArgs, Remotes, is_url, name};

/// Bytes of a list on standard input: more than 10 million paths.
const MAX_LIST: u64 = 4 << 30;

/// Inputs as they are given.
pub struct Sources {
    pub inputs: Vec<PathBuf>,
    pub list: Option<ListArgs>,
    pub fetch: FetchArgs,
    /// The part to run: of an object whose listed id belongs to another part, nothing is asked.
    pub shard: Shard,
}

/// Images, wherever they are.
#[derive(Default)]
pub struct Images {
    /// Files, and the URLs of objects, in the order of the inputs, each once.
    pub paths: Vec<PathBuf>,
    /// Ids that a list gives.
    pub ids: HashMap<PathBuf, String>,
    /// Objects, if there are URLs.
    pub remotes: Option<Remotes>,
}

impl Paths {
    /// As [`Paths::images`], for a command that reads URLs and lists with columns, too. These are read once outputs are
    /// known to replace no input.
    ///
    /// # Errors
    /// If a local input matches no file.
    pub fn sources(&mut self, what: &'static str, sources: Sources) -> Result<()> {
        let is_local = |input: &PathBuf| !is_url(input) && input != Path::new("-");
        if sources.list.is_none() && sources.inputs.iter().all(is_local) {
            return self.images(what, &sources.inputs);
        }
        self.reads_any("--list", sources.list.iter().map(|list| &list.file));
        self.images_option = what;
        self.searched.extend(sources.inputs.iter().filter(|input| input.is_dir()).cloned());
        self.later = Some(sources);
        Ok(())
    }
}

impl Sources {
    /// Finds the images.
    ///
    /// # Errors
    /// If an input names nothing, or a list or a server cannot be read.
    pub fn find(self) -> Result<Images> {
        let (mut inputs, mut ids) = (on_standard_input(self.inputs)?, HashMap::new());
        for (path, id) in self.list.map(|list| list.read()).transpose()?.into_iter().flatten() {
            ids.extend(id.map(|id| (name(&path), id)));
            inputs.push(path);
        }
        let remotes = inputs.iter().find(|input| is_url(input)).map(|url| Remotes::open(self.fetch, url));
        let mut images = Images { ids, remotes: remotes.transpose()?, ..Images::default() };
        let mut seen = HashSet::new();
        // local inputs that follow each other are searched together
        for group in inputs.chunk_by(|left, right| is_url(left) == is_url(right)) {
            let found = match &mut images.remotes {
                Some(remotes) if group.first().is_some_and(|input| is_url(input)) => {
                    let is_own = |url: &PathBuf| images.ids.get(&name(url)).is_none_or(|id| self.shard.holds(id));
                    remotes.find(group, is_own)?
                }
                _ => local(group)?,
            };
            images.paths.extend(found.into_iter().filter(|path| seen.insert(path.clone())));
        }
        Ok(images)
    }
}

fn local(inputs: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let found = radiograph::search(inputs)?;
    left_out(&found.left_out);
    Ok(found.images)
}

/// Replaces `-` by the lines of standard input.
fn on_standard_input(inputs: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    let Some(at) = inputs.iter().position(|input| input == Path::new("-")) else { return Ok(inputs) };
    let mut text = String::new();
    io::stdin().take(MAX_LIST).read_to_string(&mut text).context("cannot read the list on standard input")?;
    let listed: Vec<PathBuf> = text.lines().filter(|line| !line.trim().is_empty()).map(PathBuf::from).collect();
    if listed.is_empty() {
        bail!("the list on standard input holds no DICOM, PNG or JPEG image");
    }
    let mut all = inputs;
    all.splice(at..=at, listed);
    Ok(all)
}
