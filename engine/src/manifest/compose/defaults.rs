//! A stage's defaults: what its members have in common.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::over::fill;
use crate::lint::Findings;

/// Gives each member of a stage what it does not say itself; tells whether the stage has defaults.
pub(super) fn write_out(stage: &mut DeTable<'_>, at: &str, findings: &mut Findings) -> bool {
    let Some(defaults) = stage.remove("defaults").map(Spanned::into_inner) else { return false };
    let DeValue::Table(defaults) = defaults else {
        findings.error([at.to_owned()], "expected a table of members' keys", None);
        return true;
    };
    if let Some(DeValue::Array(members)) = stage.get_mut("members").map(|value| value.get_mut()) {
        for member in members.iter_mut() {
            if let DeValue::Table(member) = member.get_mut() {
                fill(member, &defaults);
            }
        }
    }
    true
}
