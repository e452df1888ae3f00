//! What a manifest says in a shorter way, written out: a file that it extends, a stage's defaults, a pattern for several
//! models. Rules and engine see the long form only, whose keys keep the positions at which they are written.

mod defaults;
mod over;
mod paths;
mod pattern;
#[cfg(test)]
mod tests;

use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::lint::{Findings, child};

pub(super) use over::put_over;
pub(super) use pattern::Snapshots;

/// The stages, which hold members.
const STAGES: [&str; 3] = ["crop", "classifier", "segmenter"];

/// Makes the paths of a manifest in `folder` relative to the one that extends it.
pub(super) fn move_paths(tables: &mut DeTable<'_>, folder: &Path) {
    paths::moved(tables, folder);
}

/// Writes out defaults and patterns; tells whether there were any.
pub(super) fn write_out(tables: &mut DeTable<'_>, findings: &mut Findings) -> bool {
    let mut any = false;
    if tables.remove("extends").is_some() {
        findings.error(["extends".into()], "expected the path of a manifest in quotes", None);
    }
    for stage in STAGES {
        let Some(DeValue::Table(table)) = tables.get_mut(stage).map(|value| value.get_mut()) else { continue };
        any |= defaults::write_out(table, &child(stage, "defaults"), findings);
        let Some(DeValue::Array(members)) = table.get_mut("members").map(|value| value.get_mut()) else { continue };
        for (index, member) in members.iter_mut().enumerate() {
            let DeValue::Table(member) = member.get_mut() else { continue };
            let at = format!("{stage}.members[{index}]");
            any |= pattern::write_out(member, &child(&at, "snapshots"), findings);
        }
    }
    any
}
