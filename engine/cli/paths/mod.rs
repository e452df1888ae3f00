//! The files that a command reads and writes: declared by every verb, compared before anything is written.
//!
//! An output that is an input destroys data, however it comes about: the same path twice, another spelling, a link, a
//! name that differs only in case, a folder of pictures that holds the inputs. Verbs therefore run only through
//! [`run`], which first lets them [declare](Command::paths) their files and compares these by identity.

mod compare;
mod identity;
mod kinds;
mod list;
mod named;
mod sources;
#[cfg(test)]
mod tests;

pub use identity::ignores_case;
pub use kinds::Kind;
pub use list::ListArgs;
pub use sources::{Images, Sources};

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use pleura::radiograph::{self, LeftOut};

use crate::exit::Exit;
use crate::remote::is_url;
use crate::term;

/// A verb with its arguments.
pub trait Command {
    /// Declares every file that the command reads or writes. It must not write anything.
    ///
    /// # Errors
    /// If an input is missing.
    fn paths(&self, paths: &mut Paths) -> Result<()>;

    /// Runs the command, whose outputs replace none of its inputs.
    ///
    /// # Errors
    /// If it fails.
    fn run(&self, checked: &Checked) -> Result<Exit>;
}

/// Runs a command, after checking that its outputs replace none of its inputs.
///
/// # Errors
/// If an output is an input, two outputs are the same file, or the command fails.
pub fn run(command: &dyn Command) -> Result<Exit> {
    let mut paths = Paths::default();
    command.paths(&mut paths)?;
    command.run(&paths.check()?)
}

/// The files that a command reads and writes.
#[derive(Default)]
pub struct Paths {
    reads: Vec<Read>,
    writes: Vec<Write>,
    /// Radiographs, and the name of their option.
    images: Vec<PathBuf>,
    images_option: &'static str,
    /// Radiographs that are found only after the outputs were compared with all other inputs.
    later: Option<Sources>,
    /// The inputs that are folders, which are searched for images.
    searched: Vec<PathBuf>,
    /// Files that must have a certain kind.
    expected: Vec<kinds::Expected>,
}

/// The images of a command, listed once: a list on standard input cannot be read twice.
pub struct Checked(Images);

impl Checked {
    /// The files of the declared images, in order.
    pub fn images(&self) -> &[PathBuf] {
        &self.0.paths
    }

    /// The declared images, some of which may be elsewhere.
    pub fn sources(&self) -> &Images {
        &self.0
    }
}

/// A file that is read.
struct Read {
    /// The option, or the manifest's key, of the file.
    what: String,
    path: PathBuf,
    /// Whether it is an ONNX model, which may keep weights in other files.
    is_model: bool,
}

/// A file or a folder that is written.
struct Write {
    /// The option of the file.
    what: String,
    path: PathBuf,
    names: Names,
    /// The option of the input that it replaces on purpose.
    updates: Option<&'static str>,
}

/// The files written at a path.
enum Names {
    /// The file itself.
    File,
    /// Files in a folder, by name; `*` stands for anything.
    Like(Vec<String>),
    /// Anything beneath a folder.
    Tree,
    /// A cache's entries.
    Answers,
}

/// Number of left-out files that a message names.
const NAMED: usize = 5;

/// Prints files in folders that are not images: the first ones, or with `-v` all.
fn left_out(files: &[LeftOut]) {
    let named = if term::is_verbose() { files.len() } else { NAMED };
    for file in files.iter().take(named) {
        term::note(format_args!("left out {file}"));
    }
    if files.len() > named {
        term::note(format_args!("left out {} more files: `-v` names them", files.len() - named));
    }
}

/// Files named after images.
const PICTURES: &str = "*.png";

impl Paths {
    /// Declares a file that is read; `what` is its option.
    pub fn reads(&mut self, what: impl Into<String>, path: &Path) {
        self.reads.push(Read { what: what.into(), path: path.into(), is_model: false });
    }

    /// Declares files that are read if given.
    pub fn reads_any<'a>(&mut self, what: &str, paths: impl IntoIterator<Item = &'a PathBuf>) {
        paths.into_iter().for_each(|path| self.reads(what, path));
    }

    /// Declares radiographs: files, folders, globs, and `-` for a list on standard input. [`Checked::images`] has the
    /// files.
    ///
    /// # Errors
    /// If an input matches no file, or is a URL.
    pub fn images(&mut self, what: &'static str, inputs: &[PathBuf]) -> Result<()> {
        if let Some(url) = inputs.iter().find(|input| is_url(input)) {
            bail!("{what}: expected files, found the URL `{}`: only `pleura predict` reads URLs", url.display());
        }
        let found = radiograph::search(inputs)?;
        left_out(&found.left_out);
        self.images = found.images;
        self.images_option = what;
        self.searched.extend(inputs.iter().filter(|input| input.is_dir()).cloned());
        Ok(())
    }

    /// Declares a file that is written.
    pub fn writes(&mut self, what: impl Into<String>, path: &Path) {
        self.write(what.into(), path, Names::File, None);
    }

    /// Declares a file that is read and replaced on purpose; `input` is the option that also names it.
    pub fn updates(&mut self, what: &str, path: &Path, input: &'static str) {
        self.write(what.into(), path, Names::File, Some(input));
    }

    /// Declares a folder of PNG files named after images.
    pub fn writes_pictures(&mut self, what: &str, folder: &Path) {
        self.writes_like(what, folder, [PICTURES, "ids.csv"]);
    }

    /// Declares a folder in which files of these names are written; `*` in a name matches anything.
    pub fn writes_like<T: Into<String>>(&mut self, what: &str, folder: &Path, names: impl IntoIterator<Item = T>) {
        self.write(what.into(), folder, Names::Like(names.into_iter().map(Into::into).collect()), None);
    }

    /// Declares a folder of the command's own, in which it may write anything.
    pub fn writes_tree(&mut self, what: &str, folder: &Path) {
        self.write(what.into(), folder, Names::Tree, None);
    }

    /// Declares a cache of networks' outputs.
    pub fn writes_answers(&mut self, what: &str, folder: &Path) {
        self.write(what.into(), folder, Names::Answers, None);
    }

    fn write(&mut self, what: String, path: &Path, names: Names, updates: Option<&'static str>) {
        self.writes.push(Write { what, path: path.into(), names, updates });
    }
}
