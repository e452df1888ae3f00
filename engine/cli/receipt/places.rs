//! Ascending numbers as text, with ranges to keep it short: `0-5 7 9-12`.

use serde::{Deserialize, Serialize};

/// Ascending whole numbers, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Places(Vec<(usize, usize)>);

impl Places {
    /// Adds a number greater than all others.
    pub fn push(&mut self, place: usize) {
        match self.0.last_mut() {
            Some((_, last)) if *last + 1 == place => *last = place,
            _ => self.0.push((place, place)),
        }
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().flat_map(|&(first, last)| first..=last)
    }
}

impl FromIterator<usize> for Places {
    /// Collects ascending numbers.
    fn from_iter<T: IntoIterator<Item = usize>>(numbers: T) -> Self {
        let mut places = Self::default();
        numbers.into_iter().for_each(|number| places.push(number));
        places
    }
}

impl From<Places> for String {
    fn from(places: Places) -> Self {
        let range = |&(first, last): &(usize, usize)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        places.0.iter().map(range).collect::<Vec<_>>().join(" ")
    }
}

impl TryFrom<String> for Places {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut places = Self::default();
        for word in text.split_ascii_whitespace() {
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            let range = first.parse().ok().zip(last.parse().ok());
            let after = places.0.last().is_none_or(|(_, last)| range.is_some_and(|(first, _)| first > *last));
            match range {
                Some((first, last)) if after && first <= last => places.0.push((first, last)),
                _ => return Err(format!("expected ascending positions, found `{word}`")),
            }
        }
        Ok(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_as_they_are_written() {
        for text in ["", "0", "0-5 7 9-12", "3 5 7"] {
            let places = Places::try_from(text.to_owned()).unwrap();
            assert_eq!(places.iter().collect::<Places>(), places);
            assert_eq!(String::from(places), text);
        }
        for text in ["x", "5-3", "4 4", "4-6 5", "1-", "-1"] {
            assert!(Places::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
