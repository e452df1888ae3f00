//! What a command reads and what it writes: declared by every verb, compared before anything is written.
//!
//! Nobody wants an output that is an input, and each way to get one destroys data: the same path twice, another spelling,
//! a link, a name that differs in case alone, a folder of pictures that holds the inputs. A verb therefore runs through
//! [`run`] alone, which first lets it [declare](Command::paths) its files and compares them by identity.

mod compare;
mod identity;
mod kinds;
mod named;
#[cfg(test)]
mod tests;

pub use identity::ignores_case;
pub use kinds::Kind;

use std::path::{Path, PathBuf};

use anyhow::Result;
use pleura::radiograph::{self, LeftOut};

use crate::exit::Exit;
use crate::term;

/// A verb with its arguments.
pub trait Command {
    /// Declares every file that the command reads or writes. Nothing may be written here.
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

/// Runs a command, once its outputs are known to replace none of its inputs.
///
/// # Errors
/// If an output is an input, two outputs are one file, or the command fails.
pub fn run(command: &dyn Command) -> Result<Exit> {
    let mut paths = Paths::default();
    command.paths(&mut paths)?;
    command.run(&paths.check()?)
}

/// What a command reads and writes.
#[derive(Default)]
pub struct Paths {
    reads: Vec<Read>,
    writes: Vec<Write>,
    /// Radiographs, and the option that names them.
    images: Vec<PathBuf>,
    images_option: &'static str,
    /// Those of the inputs that are folders, which are searched for images.
    searched: Vec<PathBuf>,
    /// Files that have to be of a kind.
    expected: Vec<kinds::Expected>,
}

/// The images that a command was given, found once: a list on standard input cannot be read twice.
pub struct Checked {
    images: Vec<PathBuf>,
}

impl Checked {
    /// The files that the declared images name, in order.
    pub fn images(&self) -> &[PathBuf] {
        &self.images
    }
}

/// A file that is read.
struct Read {
    /// The option or the manifest's key that names it.
    what: String,
    path: PathBuf,
    /// Whether it is an ONNX model, which may keep weights in other files.
    is_model: bool,
}

/// A file or a folder that is written.
struct Write {
    /// The option that names it.
    what: String,
    path: PathBuf,
    names: Names,
    /// The input that it replaces on purpose.
    updates: Option<&'static str>,
}

/// What is written at a path.
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

/// How many of the files that were left out are named.
const NAMED: usize = 5;

/// Names what folders hold that is no image: the first, or with `-v` all.
fn left_out(files: &[LeftOut]) {
    let named = if term::is_verbose() { files.len() } else { NAMED };
    for file in files.iter().take(named) {
        term::note(format_args!("left out {file}"));
    }
    if files.len() > named {
        term::note(format_args!("left out {} more files: `-v` names them", files.len() - named));
    }
}

/// Pictures named after images.
const PICTURES: &str = "*.png";

impl Paths {
    /// A file that is read; `what` is the option that names it.
    pub fn reads(&mut self, what: impl Into<String>, path: &Path) {
        self.reads.push(Read { what: what.into(), path: path.into(), is_model: false });
    }

    /// Files that are read where they are given.
    pub fn reads_any<'a>(&mut self, what: &str, paths: impl IntoIterator<Item = &'a PathBuf>) {
        paths.into_iter().for_each(|path| self.reads(what, path));
    }

    /// Radiographs: files, folders, globs, and `-` for a list on standard input. [`Checked::images`] has what they name.
    ///
    /// # Errors
    /// If one names nothing.
    pub fn images(&mut self, what: &'static str, inputs: &[PathBuf]) -> Result<()> {
        let found = radiograph::search(inputs)?;
        left_out(&found.left_out);
        self.images = found.images;
        self.images_option = what;
        self.searched.extend(inputs.iter().filter(|input| input.is_dir()).cloned());
        Ok(())
    }

    /// A file that is written.
    pub fn writes(&mut self, what: impl Into<String>, path: &Path) {
        self.write(what.into(), path, Names::File, None);
    }

    /// A file that is read and written anew on purpose; `input` is the option that also names it.
    pub fn updates(&mut self, what: &str, path: &Path, input: &'static str) {
        self.write(what.into(), path, Names::File, Some(input));
    }

    /// A folder of PNG files named after images.
    pub fn writes_pictures(&mut self, what: &str, folder: &Path) {
        self.writes_like(what, folder, [PICTURES, "ids.csv"]);
    }

    /// A folder in which files of these names are written; `*` in a name stands for anything.
    pub fn writes_like<T: Into<String>>(&mut self, what: &str, folder: &Path, names: impl IntoIterator<Item = T>) {
        self.write(what.into(), folder, Names::Like(names.into_iter().map(Into::into).collect()), None);
    }

    /// A folder that is the command's own: it may write anything there.
    pub fn writes_tree(&mut self, what: &str, folder: &Path) {
        self.write(what.into(), folder, Names::Tree, None);
    }

    /// A cache of networks' answers.
    pub fn writes_answers(&mut self, what: &str, folder: &Path) {
        self.write(what.into(), folder, Names::Answers, None);
    }

    fn write(&mut self, what: String, path: &Path, names: Names, updates: Option<&'static str>) {
        self.writes.push(Write { what, path: path.into(), names, updates });
    }
}
