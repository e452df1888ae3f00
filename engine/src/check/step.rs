//! Checks plugins: that they load, accept their parameters, and are used where their role belongs.

use std::sync::Arc;

use ndarray::Array2;
use pleura_plugin::Context;

use super::Checker;
use crate::Size;
use crate::chain;
use crate::ensemble::{compatibility, run_postprocess};
use crate::manifest::{Member, Step};
use crate::plugin::{Plugin, PluginError, Role};
use crate::runtime::Port;

impl Checker<'_> {
    /// Opens each plugin of a list; returns those without faults.
    pub(super) fn steps(&mut self, field: &str, steps: &[Step], roles: &[Role]) -> Vec<Plugin> {
        let mut good = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let field = format!("{field}[{index}]");
            if self.outside.contains(&format!("{field}.plugin")) {
                continue;
            }
            match Plugin::open(step, self.folder.path()) {
                Err(PluginError::Changed { path, found, .. }) => {
                    let message = format!(
                        "plugin library `{}` has changed: its sha256 differs from the declared one",
                        path.display()
                    );
                    let hint = Some(format!("if the change is wanted, declare sha256 = \"{found}\""));
                    self.error(&format!("{field}.sha256"), message, hint);
                }
                Err(error) => {
                    let key = if matches!(error, PluginError::Refused { .. }) { "params" } else { "plugin" };
                    self.error(&format!("{field}.{key}"), chain(&error), None);
                }
                Ok(plugin) if !roles.contains(&plugin.role()) => {
                    let roles: Vec<_> = roles.iter().map(ToString::to_string).collect();
                    let message = format!("plugin `{}` is for {}", plugin.name(), plugin.role());
                    self.error(
                        &format!("{field}.plugin"),
                        message,
                        Some(format!("this list is for {}", roles.join(" or "))),
                    );
                }
                Ok(plugin) => {
                    self.unpinned(&format!("{field}.plugin"), step, &plugin);
                    self.report.plugins.push(format!("{} {}", plugin.name(), plugin.version()));
                    good.push(plugin);
                }
            }
        }
        self.report.plugins.sort();
        self.report.plugins.dedup();
        good
    }

    /// Warns about a library given by path without `sha256`. One found by name is exempt: its file may differ on each
    /// machine.
    fn unpinned(&mut self, field: &str, step: &Step, plugin: &Plugin) {
        if step.is_path()
            && step.sha256.is_none()
            && let Ok(found) = plugin.sha256()
        {
            let hint = Some(format!("add sha256 = \"{found}\""));
            self.warn(field, "no sha256 is declared, so a changed library is not detected".into(), hint);
        }
    }

    /// Tests a member's prepare plugins on a ramp of its input's size.
    pub(super) fn prepare(&mut self, field: &str, member: &Member) {
        let size = Size::from(member.input.size);
        for plugin in self.steps(&format!("{field}.prepare"), &member.prepare, &[Role::Prepare]) {
            if let Err(error) = plugin.prepare(ramp(size).view()) {
                self.error(&format!("{field}.prepare"), format!("on a ramp: {}", chain(&error)), None);
            }
        }
    }

    /// Runs the whole chain once, on a ramp: a step that needs a mask before there is one fails here.
    pub(super) fn postprocess(&mut self, field: &str, steps: &[Step]) {
        let plugins: Vec<_> = self.steps(field, steps, &[Role::Postprocess]).into_iter().map(Arc::new).collect();
        if steps.is_empty() {
            return;
        }
        if plugins.len() < steps.len() {
            return;
        }
        let size = Size::new(64, 64);
        let context = Context::new("check", size);
        if let Err(error) = run_postprocess(&plugins, &context, ramp(size).view()) {
            self.error(field, format!("on a ramp: {}", chain(&error)), None);
        }
    }

    /// The sizes of all views of a member, each checked against the model's input.
    pub(super) fn view_sizes(&mut self, field: &str, member: &Member, inputs: &[Port]) -> Vec<Size> {
        let size = Size::from(member.input.size);
        let mut sizes = if member.identity { vec![size] } else { Vec::new() };
        for plugin in self.steps(&format!("{field}.tta"), &member.tta, &[Role::Tta, Role::Prepare]) {
            let views = match plugin.role() {
                Role::Tta => (0..plugin.views()).map(|view| there_and_back(&plugin, view, size)).collect(),
                _ => Ok(vec![size]),
            };
            match views {
                Ok(views) => sizes.extend::<Vec<_>>(views),
                Err(error) => self.error(&format!("{field}.tta"), chain(&error), None),
            }
        }
        sizes.sort_unstable();
        sizes.dedup();
        sizes.retain(|&view| match compatibility::view(member, inputs, view) {
            None => true,
            // The unchanged image is the input itself, whose size has already been reported.
            Some(_) if view == size => false,
            Some(misfit) => {
                self.error(&format!("{field}.{}", misfit.key), misfit.message, None);
                false
            }
        });
        sizes
    }
}

/// Size of a view, after a ramp has gone there and back.
fn there_and_back(plugin: &Plugin, view: usize, size: Size) -> Result<Size, PluginError> {
    let seen = plugin.forward(view, ramp(size).view())?;
    plugin.inverse(view, seen.view(), size)?;
    Ok(seen.dim().into())
}

/// A ramp from 0 to 1, row by row.
fn ramp(size: Size) -> Array2<f32> {
    let last = (size.area() - 1).max(1) as f32;
    Array2::from_shape_fn(size, |(y, x)| (y * size.width + x) as f32 / last)
}
