//! Checks plugins: that they load, take their parameters, and stand where their role belongs.

use super::Checker;
use crate::ensemble::fit;
use crate::manifest::{Member, Step};
use crate::plugin::{Plugin, PluginError, Role};
use crate::runtime::Port;

impl Checker<'_> {
    /// Opens each plugin of a list; gives those that are good.
    pub(super) fn steps(&mut self, field: &str, steps: &[Step], roles: &[Role]) -> Vec<Plugin> {
        let mut good = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let field = format!("{field}[{index}]");
            let folder = self.resolve("".as_ref());
            match Plugin::open(step, &folder) {
                Err(error) => {
                    let key = if matches!(error, PluginError::Refused { .. }) { "params" } else { "plugin" };
                    self.error(&format!("{field}.{key}"), error.to_string(), None);
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
                    self.report.plugins.push(format!("{} {}", plugin.name(), plugin.version()));
                    good.push(plugin);
                }
            }
        }
        self.report.plugins.sort();
        self.report.plugins.dedup();
        good
    }

    /// The sizes, (height, width), of all views of a member, each checked against the model's input.
    pub(super) fn view_sizes(&mut self, field: &str, member: &Member, inputs: &[Port]) -> Vec<(usize, usize)> {
        let size = (member.input.size[0] as usize, member.input.size[1] as usize);
        let mut sizes = if member.identity { vec![size] } else { Vec::new() };
        for plugin in self.steps(&format!("{field}.tta"), &member.tta, &[Role::Tta, Role::Prepare]) {
            let views = match plugin.role() {
                Role::Tta => (0..plugin.views()).map(|view| plugin.view_size(view, size)).collect(),
                _ => Ok(vec![size]),
            };
            match views {
                Ok(views) => sizes.extend::<Vec<_>>(views),
                Err(error) => self.error(&format!("{field}.tta"), error.to_string(), None),
            }
        }
        sizes.sort_unstable();
        sizes.dedup();
        sizes.retain(|&view| match fit::view(member, inputs, view) {
            None => true,
            Some(misfit) => {
                self.error(&format!("{field}.{}", misfit.key), misfit.message, None);
                false
            }
        });
        sizes
    }
}
