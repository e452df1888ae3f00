//! Where a plugin's code is: in a dynamic library, or in the program itself.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{fmt, io};

use super::LoadError;
use super::library::{self, Loaded};
use crate::digest;

/// Where a plugin's code is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Origin {
    /// In the program itself: the stock step of this name.
    BuiltIn(&'static str),
    /// In the dynamic library at this path.
    Library(PathBuf),
    /// In the program that runs the ensemble: one of its own plugins.
    Program,
}

impl Origin {
    /// The stock step of that name, if there is one.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        Self::all_built_in().find(|origin| matches!(origin, Self::BuiltIn(stock) if *stock == name))
    }

    /// The stock steps, by name.
    pub(super) fn all_built_in() -> impl Iterator<Item = Self> {
        pleura_steps::tables().iter().map(|(name, _)| Self::BuiltIn(name))
    }

    /// The library; `None` for a built-in plugin.
    #[must_use]
    pub fn library(&self) -> Option<&Path> {
        match self {
            Self::BuiltIn(_) | Self::Program => None,
            Self::Library(path) => Some(path),
        }
    }

    /// As [`Origin::library`], by value.
    #[must_use]
    pub fn into_library(self) -> Option<PathBuf> {
        match self {
            Self::BuiltIn(_) | Self::Program => None,
            Self::Library(path) => Some(path),
        }
    }

    /// The file with the code: the library, or the running program.
    pub(super) fn file(&self) -> PathBuf {
        match self {
            Self::BuiltIn(_) | Self::Program => std::env::current_exe().unwrap_or_default(),
            Self::Library(path) => path.clone(),
        }
    }

    /// The plugin's table, checked.
    pub(super) fn load(&self, global_symbols: bool) -> Result<Loaded, LoadError> {
        match self {
            Self::BuiltIn(name) => library::built_in(name),
            Self::Program => Err(LoadError::Own),
            Self::Library(path) => library::load(path, global_symbols),
        }
    }
}

/// The SHA-256 of the running program, in lowercase hexadecimal. Computed once for all built-in plugins.
pub(super) fn program_sha256() -> io::Result<&'static str> {
    static SUM: OnceLock<Result<String, (io::ErrorKind, String)>> = OnceLock::new();
    let sum = SUM.get_or_init(|| {
        let sum = std::env::current_exe().and_then(|program| digest::file(&program));
        sum.map_err(|error| (error.kind(), error.to_string()))
    });
    sum.as_deref().map_err(|(kind, text)| io::Error::new(*kind, text.clone()))
}

/// Begins to compute the SHA-256 of the running program, on a thread of its own. [`Plugin::sha256`](super::Plugin::sha256)
/// of a built-in plugin, which waits for it, then takes no time of its own; useful before models are opened.
pub fn hash_program() {
    // without a thread, it is computed when it is needed
    let _ = std::thread::Builder::new().name("pleura-hash".into()).spawn(program_sha256);
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn(_) => f.write_str("built-in"),
            Self::Program => f.write_str("the program's own"),
            Self::Library(path) => path.display().fmt(f),
        }
    }
}
