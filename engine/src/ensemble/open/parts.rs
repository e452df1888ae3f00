//! Opening files: models and plugins.

use std::path::Path;
use std::sync::Arc;

use super::model_file;
use super::{EnsembleError, Opening};
use crate::ensemble::member::compatibility;
use crate::ensemble::member::weights::Source;
use crate::ensemble::stage::stack::Stacker;
use crate::ensemble::task::RequiredOutputs;
use crate::manifest::{self, Folder, FolderError, Manifest, Step};
use crate::plugin::{Plugin, PluginError, Role};

impl Opening<'_> {
    pub(super) fn stacker(
        &mut self,
        name: &str,
        stack: &manifest::Stack,
        members: usize,
        wanted: RequiredOutputs,
    ) -> Result<Stacker, EnsembleError> {
        let source = self.source(&format!("{name}.merge"), &stack.model, stack.sha256.as_deref())?;
        let open = |device| source.model(device).map(Arc::clone).map_err(EnsembleError::Load);
        let models: Vec<_> = (0..source.devices()).map(open).collect::<Result<_, _>>()?;
        for model in &models {
            self.fits(name, compatibility::stack(stack, members, wanted.map, model.inputs(), model.outputs()))?;
        }
        Ok(Stacker { manifest: stack.clone(), models })
    }

    /// The ONNX file, checked against its declared hash.
    pub(super) fn source(
        &mut self,
        field: &str,
        file: &Path,
        sha256: Option<&str>,
    ) -> Result<Arc<Source>, EnsembleError> {
        let path = self.folder.path().join(file);
        let wrong = |key: &str, message| EnsembleError::Model {
            manifest: self.path.into(),
            field: format!("{field}.{key}"),
            message,
        };
        let known = self.sources.get(&path).cloned();
        let source = match known {
            Some(source) => source,
            None => {
                let found = model_file::sha256(&path, &self.folder, self.most_bytes);
                if let Some(other) = found.as_ref().err().and_then(|error| error.sha256()) {
                    self.is_declared(field, &path, other, sha256)?;
                }
                let found = found.map_err(|error| match error.is_missing(&path) {
                    true => EnsembleError::ModelMissing {
                        manifest: self.path.into(),
                        field: format!("{field}.model"),
                        path: path.clone(),
                    },
                    false => wrong("model", crate::chain(&error)),
                })?;
                Arc::new(Source::new(self.opener.clone(), path.clone(), found))
            }
        };
        self.is_declared(field, &path, &source.sha256, sha256)?;
        self.sources.insert(path, Arc::clone(&source));
        Ok(source)
    }

    fn is_declared(&self, field: &str, path: &Path, found: &str, sha256: Option<&str>) -> Result<(), EnsembleError> {
        match sha256.filter(|declared| !declared.eq_ignore_ascii_case(found)) {
            None => Ok(()),
            Some(declared) => Err(EnsembleError::ModelChanged {
                manifest: self.path.into(),
                field: format!("{field}.sha256"),
                path: path.to_owned(),
                found: found.to_owned(),
                declared: declared.to_owned(),
            }),
        }
    }

    /// Opens plugins, each with a role that is allowed in its place.
    pub(super) fn plugins(
        &mut self,
        field: &str,
        steps: &[Step],
        roles: &[Role],
    ) -> Result<Vec<Arc<Plugin>>, EnsembleError> {
        let open = |(index, step): (usize, &Step)| {
            let field = format!("{field}[{index}]");
            let plugin = Plugin::open_with(step, self.folder.path(), self.plugin_options)
                .map_err(|source| self.plugin_error(field.clone(), source))?;
            if roles.contains(&plugin.role()) {
                return Ok(Arc::new(plugin));
            }
            let roles: Vec<_> = roles.iter().map(ToString::to_string).collect();
            let message = format!(
                "plugin `{}` is for {}, expected a plugin for {}",
                plugin.name(),
                plugin.role(),
                roles.join(" or ")
            );
            Err(EnsembleError::Model { manifest: self.path.into(), field, message })
        };
        let opened: Vec<_> = steps.iter().enumerate().map(open).collect::<Result<_, _>>()?;
        self.plugins.extend(opened.iter().cloned());
        Ok(opened)
    }

    pub(super) fn plugin_error(&self, field: String, source: PluginError) -> EnsembleError {
        EnsembleError::Plugin { manifest: self.path.into(), field, source: Box::new(source) }
    }
}

/// Checks that a manifest names no file outside of its folder.
pub(super) fn files_are_inside(path: &Path, manifest: &Manifest, folder: &Folder) -> Result<(), EnsembleError> {
    for (field, file) in manifest.files() {
        let wrong =
            |error: FolderError| EnsembleError::Model { manifest: path.into(), field, message: crate::chain(&error) };
        folder.resolve(file).map_err(wrong)?;
    }
    Ok(())
}
