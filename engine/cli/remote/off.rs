//! A program without inputs by URL.

use std::io;
use std::iter::Empty;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use pleura::radiograph::DecodeLimits;

use super::{FetchArgs, Version};

/// Objects of servers: there are none.
pub enum Remotes {}

impl Remotes {
    /// Refuses URLs; `first` is one.
    ///
    /// # Errors
    /// Always.
    pub fn open(_: FetchArgs, first: &Path) -> Result<Self> {
        bail!(
            "`{}`: this program was built without inputs by URL: build it with `cargo build --release --features \
             remote`, or download the files first",
            first.display()
        );
    }

    pub fn find(&mut self, _: &[PathBuf], _: impl Fn(&PathBuf) -> bool) -> Result<Vec<PathBuf>> {
        match *self {}
    }

    pub fn version(&self, _: &Path) -> Option<Version> {
        match *self {}
    }

    pub fn holds(&self, _: &Path) -> bool {
        match *self {}
    }

    pub fn listed_id(&self, _: &Path) -> Option<String> {
        match *self {}
    }

    pub fn ids(&self, _: &[PathBuf], _: impl FnMut()) -> Vec<Option<String>> {
        match *self {}
    }

    pub fn files(&self, _: &[PathBuf], _: DecodeLimits) -> Empty<(PathBuf, io::Result<Vec<u8>>)> {
        match *self {}
    }
}
