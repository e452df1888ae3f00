//! `snapshots = { model = "fold{fold}-top{n}.onnx", fold = [0, 1], n = [1, 2] }`: one snapshot for each combination.

use std::borrow::Cow;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use crate::lint::{Findings, child};
use crate::manifest::Snapshot;

/// How many snapshots a pattern may make.
const MOST: usize = 1000;

/// Several sets of weights: a list, or a pattern that makes one. For the schema alone.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "its shape is what matters")]
pub enum Snapshots {
    /// One by one.
    List(Vec<Snapshot>),
    /// One for each combination of the lists.
    Pattern(Pattern),
}

/// A pattern that makes a snapshot for each combination of its lists, in the order in which their names appear in
/// `model`, the last one fastest.
#[derive(Deserialize, JsonSchema)]
#[allow(dead_code, reason = "its shape is what matters")]
pub struct Pattern {
    /// The ONNX files, relative to the manifest, with the names of lists in braces: `fold{fold}-top{n}.onnx`.
    model: PathBuf,
    /// The folds that were held out in training: both a list for `{fold}`, and each snapshot's `fold`.
    #[serde(default)]
    fold: Vec<u32>,
    /// The SHA-256 of each file, in the order of the snapshots.
    #[serde(default)]
    sha256: Vec<String>,
    /// Each snapshot's weight.
    #[serde(default = "one")]
    weight: f32,
    /// Each snapshot's own threshold.
    #[serde(default)]
    threshold: Option<f32>,
    /// Further lists, by the names that `model` gives them.
    #[serde(flatten)]
    lists: std::collections::BTreeMap<String, serde_json::Value>,
}

const fn one() -> f32 {
    1.0
}

/// Writes out a member's pattern as a list; tells whether there is one.
pub(super) fn write_out(member: &mut DeTable<'_>, at: &str, findings: &mut Findings) -> bool {
    let Some(value) = member.get_mut("snapshots").map(Spanned::get_mut) else { return false };
    let DeValue::Table(pattern) = value else { return false };
    let listed = listed(pattern).unwrap_or_else(|Fault { key, message, hint }| {
        findings.error([child(at, &key)], message, Some(&hint));
        DeArray::new()
    });
    *value = DeValue::Array(listed);
    true
}

struct Fault {
    key: String,
    message: String,
    hint: String,
}

fn fault<T>(key: &str, message: impl Into<String>, hint: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { key: key.into(), message: message.into(), hint: hint.into() })
}

type Item<'t> = Spanned<DeValue<'t>>;

/// A list of a pattern, by its name.
struct List<'p, 't> {
    key: &'p Spanned<DeString<'t>>,
    items: &'p [Item<'t>],
}

impl List<'_, '_> {
    fn name(&self) -> &str {
        self.key.get_ref()
    }
}

fn listed<'t>(pattern: &DeTable<'t>) -> Result<DeArray<'t>, Fault> {
    let Some((model_key, model)) = pattern.get_key_value("model") else {
        return fault("model", "missing key", "the ONNX files, with the names of lists in braces");
    };
    let Some(template) = model.get_ref().as_str() else {
        return fault("model", "expected text in quotes", "the ONNX files, with the names of lists in braces");
    };
    let lists = lists(pattern, template)?;
    let count = lists.iter().try_fold(1_usize, |count, list| count.checked_mul(list.items.len()));
    let Some(count) = count.filter(|&count| count <= MOST) else {
        return fault("model", format!("expected at most {MOST} combinations"), "shorten a list");
    };
    let sums = sums(pattern, count)?;
    let mut snapshots = DeArray::new();
    for index in 0..count {
        let chosen = chosen(&lists, index);
        let mut snapshot = DeTable::new();
        let file = chosen.iter().try_fold(template.to_owned(), |file, (list, item)| {
            Ok(file.replace(&format!("{{{}}}", list.name()), &text(list, item)?))
        })?;
        snapshot.insert(model_key.clone(), Spanned::new(model.span(), DeValue::String(Cow::Owned(file))));
        for (list, item) in chosen.iter().filter(|(list, _)| list.name() == "fold") {
            snapshot.insert(list.key.clone(), (*item).clone());
        }
        if let Some((key, sums)) = sums {
            snapshot.insert(key.clone(), sums[index].clone());
        }
        for (key, value) in pattern.iter().filter(|(_, value)| !value.get_ref().is_array()) {
            if key.get_ref() != "model" {
                snapshot.insert(key.clone(), value.clone());
            }
        }
        snapshots.push(Spanned::new(model.span(), DeValue::Table(snapshot)));
    }
    Ok(snapshots)
}

/// The lists in the order in which the template names them.
fn lists<'p, 't>(pattern: &'p DeTable<'t>, template: &str) -> Result<Vec<List<'p, 't>>, Fault> {
    let mut lists: Vec<(usize, List<'p, 't>)> = Vec::new();
    for (key, value) in pattern.iter().filter(|(key, _)| key.get_ref() != "sha256") {
        let (name, Some(items)) = (key.get_ref().as_ref(), value.get_ref().as_array()) else { continue };
        let Some(place) = template.find(&format!("{{{name}}}")) else {
            return fault(
                name,
                format!("`model` does not name it: `{template}`"),
                format!("write `{{{name}}}` where it belongs"),
            );
        };
        if items.is_empty() {
            return fault(name, "expected at least 1 item in the list, found 0", "leave the list out");
        }
        lists.push((place, List { key, items }));
    }
    lists.sort_by_key(|(place, _)| *place);
    for name in names(template) {
        if !lists.iter().any(|(_, list)| list.name() == name) {
            return fault("model", format!("there is no list for `{{{name}}}`"), format!("add `{name} = [...]`"));
        }
    }
    Ok(lists.into_iter().map(|(_, list)| list).collect())
}

/// The names in braces.
fn names(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name)
}

/// The files' hashes, one for each snapshot.
#[allow(clippy::type_complexity, reason = "a key with its list")]
fn sums<'p, 't>(
    pattern: &'p DeTable<'t>,
    count: usize,
) -> Result<Option<(&'p Spanned<DeString<'t>>, &'p [Item<'t>])>, Fault> {
    let Some((key, value)) = pattern.get_key_value("sha256") else { return Ok(None) };
    match value.get_ref().as_array() {
        Some(sums) if sums.len() == count => Ok(Some((key, sums))),
        sums => {
            let found = sums.map_or("text".to_owned(), |sums| sums.len().to_string());
            fault("sha256", format!("expected a list of {count} hashes, found {found}"), "one for each file, in order")
        }
    }
}

/// The items of a combination, the last list's changing fastest.
fn chosen<'l, 'p, 't>(lists: &'l [List<'p, 't>], index: usize) -> Vec<(&'l List<'p, 't>, &'l Item<'t>)> {
    let mut rest = index;
    let mut chosen: Vec<_> = lists
        .iter()
        .rev()
        .map(|list| {
            let item = &list.items[rest % list.items.len()];
            rest /= list.items.len();
            (list, item)
        })
        .collect();
    chosen.reverse();
    chosen
}

fn text(list: &List<'_, '_>, item: &Item<'_>) -> Result<String, Fault> {
    match item.get_ref() {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => Ok(number.as_str().to_owned()),
        _ => fault(list.name(), "expected whole numbers or text in the list", "as they appear in the files' names"),
    }
}
