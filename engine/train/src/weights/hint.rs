//! Suggestions for messages.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::names::matches;
use crate::recipe::Package;

/// The key most similar to a name, if one is similar enough.
pub(super) fn nearest<'k>(name: &str, keys: &'k [String]) -> Option<&'k str> {
    pleura::lint::nearest(name, keys.iter().map(String::as_str))
}

/// Prefixes with which a file's keys would match a network's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Renaming {
    strip: String,
    add: String,
    /// The number of weights that would then be found.
    pub(super) found: usize,
}

/// The prefixes that match most of the missing names and the unused keys; `None` if only one would be found.
pub(super) fn renaming(missing: &[String], unused: &[String]) -> Option<Renaming> {
    let names: HashSet<&str> = missing.iter().map(String::as_str).collect();
    let found = |(strip, add): &(&str, &str)| {
        let renamed = unused.iter().filter_map(|key| Some(format!("{add}{}", key.strip_prefix(strip)?)));
        renamed.filter(|name| names.contains(name.as_str())).count()
    };
    let mut candidates = HashMap::new();
    // The first names represent all: prefixes are the same throughout.
    for name in missing.iter().take(8) {
        for pair in unused.iter().filter_map(|key| prefixes(key, name)) {
            candidates.entry(pair).or_insert_with(|| found(&pair));
        }
    }
    let best = candidates.into_iter().max_by_key(|((strip, add), found)| {
        (*found, std::cmp::Reverse(strip.len() + add.len()), std::cmp::Reverse((*strip, *add)))
    });
    best.filter(|(_, found)| *found > 1).map(|((strip, add), found)| Renaming {
        strip: strip.into(),
        add: add.into(),
        found,
    })
}

/// A package whose names a file's keys may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ByPackage {
    strip: String,
    package: Package,
    /// The number of weights that would then be found.
    pub(super) found: usize,
}

/// The package whose names match most of the missing names, after a prefix that many of the keys have; `None` if at most
/// one would be found.
pub(super) fn package(missing: &[String], unused: &[String]) -> Option<ByPackage> {
    let first = |parts: usize| {
        let key = unused.first()?;
        Some(key.match_indices('.').nth(parts - 1).map_or(key.as_str(), |(at, _)| &key[..=at]).to_owned())
    };
    let prefixes: Vec<String> = [Some(String::new()), first(1), first(2)].into_iter().flatten().collect();
    let pairs = Package::ALL.into_iter().flat_map(|package| prefixes.iter().map(move |strip| (package, strip)));
    let found = pairs.map(|(package, strip)| ByPackage {
        strip: strip.clone(),
        package,
        found: matches(package, strip, unused, missing),
    });
    let best = found.max_by_key(|it| (it.found, std::cmp::Reverse(it.strip.len())));
    best.filter(|it| it.found > 1)
}

impl fmt::Display for ByPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.strip.is_empty() {
            write!(f, "`strip_prefix = \"{}\"` and ", self.strip)?;
        }
        write!(f, "`names = \"{}\"`", self.package.name())
    }
}

/// The prefixes before the longest common suffix of a key and a name, in whole parts: at least two, or all of one of
/// them, because `weight` alone is not a similarity.
fn prefixes<'k>(key: &'k str, name: &'k str) -> Option<(&'k str, &'k str)> {
    let same = key.bytes().rev().zip(name.bytes().rev()).take_while(|(a, b)| a == b).count();
    // The lengths of the text's suffixes that start at a part.
    let ends = |text: &str| -> HashSet<usize> {
        text.match_indices('.').map(|(at, _)| at + 1).chain([0]).map(|at| text.len() - at).collect()
    };
    let end = *ends(key).intersection(&ends(name)).filter(|len| **len <= same).max()?;
    let alike = key[key.len() - end..].contains('.') || end == key.len() || end == name.len();
    alike.then_some((&key[..key.len() - end], &name[..name.len() - end]))
}

impl fmt::Display for Renaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = [("strip_prefix", &self.strip), ("add_prefix", &self.add)];
        let told = keys.iter().filter(|(_, prefix)| !prefix.is_empty()).map(|(key, it)| format!("`{key} = \"{it}\"`"));
        f.write_str(&told.collect::<Vec<_>>().join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_what_comes_before_the_common_end() {
        let table = [
            ("module.conv1.weight", "conv1.weight", Some(("module.", ""))),
            ("conv1.weight", "encoder.conv1.weight", Some(("", "encoder."))),
            ("module.conv1.weight", "encoder.conv1.weight", Some(("module.", "encoder."))),
            ("a.xconv.weight", "b.yconv.weight", None),
            ("é.a.weight", "è.a.weight", Some(("é.", "è."))),
            ("a.scale", "scale", Some(("a.", ""))),
            ("conv1.weight", "conv1.bias", None),
        ];
        for (key, name, expected) in table {
            assert_eq!(prefixes(key, name), expected, "{key} {name}");
        }
    }

    #[test]
    fn the_renaming_that_finds_most_is_told() {
        let owned = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let missing = owned(&["encoder.a.weight", "encoder.b.weight", "head.weight"]);
        let found = renaming(&missing, &owned(&["module.b.weight", "module.a.weight", "module.fc.weight"])).unwrap();
        assert_eq!(found.found, 2);
        assert_eq!(found.to_string(), "`strip_prefix = \"module.\"` and `add_prefix = \"encoder.\"`");
        assert_eq!(renaming(&missing, &owned(&["module.a.weight"])), None);
        assert_eq!(renaming(&[], &[]), None);
    }
}
