//! Opens models several at once, before their members are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::{Opening, model_file};
use crate::ensemble::member::weights::Source;
use crate::manifest::{self, Manifest, Merge};
use crate::runtime::{Device, SessionOptions};

/// The number of models that are opened at once: while one is, it takes up to three times its file in memory.
const AT_ONCE: usize = 4;

impl Opening<'_> {
    /// Reads, and opens on every device, the models of all members that run. Whatever is wrong with one is left to the
    /// member that names it: it tries again, and reports the manifest's field.
    pub(super) fn open_ahead(&mut self, manifest: &Manifest) {
        let files: Vec<(PathBuf, Vec<String>)> = self.running_models(manifest).into_iter().collect();
        let (next, opened) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let this = &*self;
        let work = || {
            while let Some((path, declared)) = files.get(next.fetch_add(1, Relaxed)) {
                if let Some(source) = this.source_ahead(path, declared) {
                    opened.lock().unwrap_or_else(PoisonError::into_inner).push((path.clone(), source));
                }
            }
        };
        // a limit on memory counts what is taken model by model, and providers' libraries need not open several at once
        let one_by_one =
            |session: &SessionOptions| session.memory.is_some() || matches!(session.device, Device::Provider(..));
        let limited = self.opener.sessions.iter().any(one_by_one);
        let threads = thread::available_parallelism().map_or(1, usize::from).min(AT_ONCE).min(files.len());
        if threads > 1 && !limited {
            thread::scope(|scope| (0..threads).for_each(|_| _ = scope.spawn(work)));
        }
        self.sources.extend(opened.into_inner().unwrap_or_else(PoisonError::into_inner));
    }

    fn source_ahead(&self, path: &Path, declared: &[String]) -> Option<Arc<Source>> {
        let sha256 = model_file::sha256(path, &self.folder, self.most_bytes).ok()?;
        // a file that is not the declared one is not given to ONNX Runtime
        let is_declared = declared.iter().all(|declared| declared.eq_ignore_ascii_case(&sha256));
        let source = Source::new(self.opener.clone(), path.to_owned(), sha256);
        if is_declared && !self.lazy {
            (0..source.devices()).for_each(|device| _ = source.model(device));
        }
        Some(Arc::new(source))
    }

    /// The model files of the members that run and of stacks, each with the hashes that the manifest declares.
    fn running_models(&self, manifest: &Manifest) -> BTreeMap<PathBuf, Vec<String>> {
        let mut files: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
        let mut add = |model: &Path, sha256: &Option<String>| {
            files.entry(self.folder.path().join(model)).or_default().extend(sha256.clone());
        };
        let stages =
            manifest.classifier.iter().chain([&manifest.segmenter]).map(|stage| (&stage.members, &stage.merge));
        let crop = super::running_crop(manifest).map(|crop| (&crop.members, &crop.merge));
        for (members, merge) in crop.into_iter().chain(stages) {
            let running = members.iter().filter(|member| member.weight > 0.0);
            running.flat_map(manifest::Member::weights).for_each(|weights| add(&weights.model, &weights.sha256));
            if let Merge::Stack(stack) = merge {
                add(&stack.model, &stack.sha256);
            }
        }
        files
    }
}
