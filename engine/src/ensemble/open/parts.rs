//! Opening files: models and plugins.

use std::path::Path;
use std::sync::Arc;

use super::super::fit;
use super::super::job::Wanted;
use super::super::stack::Stacker;
use super::super::weights::Source;
use super::{EnsembleError, Opening};
use crate::digest;
use crate::manifest::{self, Step};
use crate::plugin::{Plugin, PluginError, Role};

impl Opening<'_> {
    pub(super) fn stacker(
        &mut self,
        name: &str,
        stack: &manifest::Stack,
        members: usize,
        wanted: Wanted,
    ) -> Result<Stacker, EnsembleError> {
        let source = self.source(&format!("{name}.merge"), &stack.model, stack.sha256.as_deref())?;
        let open = |device| source.model(device).map(Arc::clone).map_err(EnsembleError::Load);
        let models: Vec<_> = (0..source.devices()).map(open).collect::<Result<_, _>>()?;
        for model in &models {
            self.fits(name, fit::stack(stack, members, wanted.map, model.inputs(), model.outputs()))?;
        }
        Ok(Stacker { manifest: stack.clone(), models })
    }

    /// The ONNX file, made sure to be the one declared.
    pub(super) fn source(
        &mut self,
        field: &str,
        file: &Path,
        sha256: Option<&str>,
    ) -> Result<Arc<Source>, EnsembleError> {
        let path = self.folder().join(file);
        let wrong = |key: &str, message| EnsembleError::Model {
            manifest: self.path.into(),
            field: format!("{field}.{key}"),
            message,
        };
        let known = self.sources.get(&path).cloned();
        let source = match known {
            Some(source) => source,
            None => {
                let found = digest::file(&path)
                    .map_err(|e| wrong("model", format!("cannot read `{}`: {e}", path.display())))?;
                Arc::new(Source::new(self.opener.clone(), path.clone(), found))
            }
        };
        if let Some(declared) = sha256.filter(|declared| !declared.eq_ignore_ascii_case(&source.sha256)) {
            let found = &source.sha256;
            let message = format!("`{}` has changed: its sha256 is {found}, not {declared}", path.display());
            return Err(wrong("sha256", message));
        }
        self.sources.insert(path, Arc::clone(&source));
        Ok(source)
    }

    /// Opens plugins, each of one of the roles that its place allows.
    pub(super) fn plugins(
        &mut self,
        field: &str,
        steps: &[Step],
        roles: &[Role],
    ) -> Result<Vec<Arc<Plugin>>, EnsembleError> {
        let open = |(index, step): (usize, &Step)| {
            let field = format!("{field}[{index}]");
            let plugin =
                Plugin::open(step, self.folder()).map_err(|source| self.plugin_error(field.clone(), source))?;
            if roles.contains(&plugin.role()) {
                return Ok(Arc::new(plugin));
            }
            let roles: Vec<_> = roles.iter().map(ToString::to_string).collect();
            let message =
                format!("plugin `{}` is for {}, not for {}", plugin.name(), plugin.role(), roles.join(" or "));
            Err(EnsembleError::Model { manifest: self.path.into(), field, message })
        };
        let opened: Vec<_> = steps.iter().enumerate().map(open).collect::<Result<_, _>>()?;
        self.plugins.extend(opened.iter().cloned());
        Ok(opened)
    }

    pub(super) fn plugin_error(&self, field: String, source: PluginError) -> EnsembleError {
        EnsembleError::Plugin { manifest: self.path.into(), field, source: Box::new(source) }
    }

    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}
