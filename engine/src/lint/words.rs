//! Helpers for words in messages.

/// The candidate most similar to a word, if one is similar enough.
pub fn nearest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let distance = |name: &&str| strsim::damerau_levenshtein(word, name);
    candidates.min_by_key(distance).filter(|name| distance(name) <= (word.chars().count() / 3).max(1))
}

/// The words in quotes, separated by commas.
pub(super) fn listed<'w>(words: impl Iterator<Item = &'w str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
