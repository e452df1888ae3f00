//! Tables over tables: what one does not say, the other does.

use std::mem;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// Keys that say the same thing in different ways: one of the first, written over others, replaces them all.
const TOGETHER: [(&[&str], &[&str]); 3] = [
    (&["model", "snapshots"], &["model", "snapshots", "sha256"]),
    (&["channel", "channels"], &["channel", "channels", "join"]),
    (&["score", "score_from_map"], &["score", "score_from_map"]),
];

/// A manifest over the one that it extends: tables are joined, and members of one name; all else is replaced.
pub fn put_over<'t>(mut own: DeTable<'t>, base: DeTable<'t>) -> DeTable<'t> {
    fill(&mut own, &base);
    own
}

/// Adds to a table what another has and it has not, and to the tables in it likewise.
pub(super) fn fill<'t>(own: &mut DeTable<'t>, base: &DeTable<'t>) {
    let replaced: Vec<&str> = TOGETHER
        .iter()
        .filter(|(says, _)| says.iter().any(|key| own.contains_key(*key)))
        .flat_map(|(_, replaced)| replaced.iter().copied())
        .collect();
    for (key, value) in base {
        let name = key.get_ref().as_ref();
        match own.get_mut(name).map(Spanned::get_mut) {
            None if replaced.contains(&name) => {}
            None => _ = own.insert(key.clone(), value.clone()),
            Some(own) => fill_value(name, own, value.get_ref()),
        }
    }
}

fn fill_value<'t>(name: &str, own: &mut DeValue<'t>, base: &DeValue<'t>) {
    match (own, base) {
        // another kind has other keys
        (DeValue::Table(own), DeValue::Table(base)) if !own.contains_key("kind") => fill(own, base),
        (DeValue::Array(own), DeValue::Array(base)) if name == "members" => join_members(own, base),
        _ => {}
    }
}

/// Members of the base in its order, changed by those of the same name; then the new ones.
fn join_members<'t>(own: &mut DeArray<'t>, base: &DeArray<'t>) {
    let mut changes: Vec<_> = mem::replace(own, DeArray::new()).iter().cloned().map(Some).collect();
    for member in base.iter() {
        let same = |change: &&mut Option<Spanned<DeValue<'t>>>| {
            change.as_ref().is_some_and(|change| name_of(change).is_some_and(|name| Some(name) == name_of(member)))
        };
        let mut joined = changes.iter_mut().find(same).and_then(Option::take).unwrap_or_else(|| member.clone());
        if let (DeValue::Table(own), DeValue::Table(base)) = (joined.get_mut(), member.get_ref()) {
            fill(own, base);
        }
        own.push(joined);
    }
    changes.into_iter().flatten().for_each(|new| own.push(new));
}

fn name_of<'v>(member: &'v Spanned<DeValue<'_>>) -> Option<&'v str> {
    member.get_ref().as_table()?.get("name")?.get_ref().as_str()
}
