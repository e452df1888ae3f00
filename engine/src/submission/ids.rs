//! Ids in order, each once: their text in one block, found by hash. A million of SIIM's ids of 54 letters take 80 MB,
//! where as many strings in a map take 150 MB and an allocation each.

use std::fmt;
use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// An ordered set of ids.
#[derive(Clone, Default)]
pub(super) struct Ids {
    text: String,
    /// Where each id ends in the text.
    ends: Vec<usize>,
    table: HashTable<Slot>,
    hasher: RandomState,
}

/// An id's hash, which spares hashing it again when the table grows, and its place.
#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    place: u32,
}

impl Slot {
    /// The table looks at the lowest and at the highest bits.
    fn spread(self) -> u64 {
        u64::from(self.hash) << 32 | u64::from(self.hash)
    }
}

impl Ids {
    /// The id's place, and whether it is new.
    ///
    /// # Panics
    /// Above 2^32 ids.
    pub fn insert(&mut self, id: &str) -> (usize, bool) {
        let place = u32::try_from(self.ends.len()).expect("fewer than 2^32 ids");
        let slot = Slot { hash: self.hash(id), place };
        let Self { text, ends, table, .. } = self;
        let same = |other: &Slot| other.hash == slot.hash && name(text, ends, other.place as usize) == id;
        match table.entry(slot.spread(), same, |slot| slot.spread()) {
            Entry::Occupied(entry) => (entry.get().place as usize, false),
            Entry::Vacant(entry) => {
                entry.insert(slot);
                text.push_str(id);
                ends.push(text.len());
                (place as usize, true)
            }
        }
    }

    /// The id's place.
    pub fn find(&self, id: &str) -> Option<usize> {
        let slot = Slot { hash: self.hash(id), place: 0 };
        let same = |other: &Slot| other.hash == slot.hash && self.name(other.place as usize) == id;
        self.table.find(slot.spread(), same).map(|slot| slot.place as usize)
    }

    /// As [`find`](Self::find), where the id is probably at this place, as in two files of one order.
    pub fn find_near(&self, id: &str, place: usize) -> Option<usize> {
        if place < self.len() && self.name(place) == id { Some(place) } else { self.find(id) }
    }

    /// The id at a place.
    pub fn name(&self, place: usize) -> &str {
        name(&self.text, &self.ends, place)
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        (0..self.len()).map(|place| self.name(place))
    }

    /// Brings the ids into this order, which names each place once.
    pub fn permute(&mut self, places: &[u32]) {
        let (mut text, mut ends) = (String::with_capacity(self.text.len()), Vec::with_capacity(self.len()));
        let mut moved = vec![0; self.len()];
        for (to, &from) in places.iter().enumerate() {
            text.push_str(self.name(from as usize));
            ends.push(text.len());
            moved[from as usize] = to as u32;
        }
        (self.text, self.ends) = (text, ends);
        self.table.iter_mut().for_each(|slot| slot.place = moved[slot.place as usize]);
    }

    fn hash(&self, id: &str) -> u32 {
        self.hasher.hash_one(id) as u32
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

fn name<'a>(text: &'a str, ends: &[usize], place: usize) -> &'a str {
    &text[place.checked_sub(1).map_or(0, |before| ends[before])..ends[place]]
}

#[cfg(test)]
mod tests {
    use indexmap::IndexSet;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_are_an_ordered_set(texts in prop::collection::vec("[ab]{0,4}", 0..60)) {
            let (mut ids, mut set) = (Ids::default(), IndexSet::new());
            for text in &texts {
                prop_assert_eq!(ids.insert(text), set.insert_full(text.clone()));
            }
            prop_assert!(ids.iter().eq(set.iter()) && ids.len() == set.len());
            for (place, text) in set.iter().enumerate() {
                prop_assert_eq!(ids.find(text), Some(place));
                prop_assert_eq!(ids.find_near(text, place / 2), Some(place));
            }
            prop_assert_eq!(ids.find("c"), None);
            let mut order: Vec<u32> = (0..ids.len() as u32).collect();
            order.sort_unstable_by_key(|&place| ids.name(place as usize));
            ids.permute(&order);
            set.sort_unstable();
            prop_assert!(ids.iter().eq(set.iter()));
            prop_assert!(set.iter().enumerate().all(|(place, text)| ids.find(text) == Some(place)));
        }
    }
}
