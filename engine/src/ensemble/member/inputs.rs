//! Networks' inputs that several sets of weights share: those that see the same views of the same images get one tensor.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::Array4;

/// The members whose inputs are equal, and how often such inputs are seen in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InputGroup {
    /// The number of sets of weights.
    pub uses: usize,
    /// Bytes of an image's inputs, in all views.
    pub bytes: usize,
}

/// What a batch shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shown {
    /// The index of the group.
    pub group: usize,
    /// The radiograph and the view of each item.
    pub items: Vec<(usize, usize)>,
    /// The number of images in the batch, including padding.
    pub len: usize,
}

/// The inputs of some images, kept until the last set of weights has seen them.
#[derive(Debug, Default)]
pub struct Inputs {
    groups: Vec<InputGroup>,
    made: Mutex<HashMap<Shown, Arc<Array4<f32>>>>,
}

impl Inputs {
    /// For members of these groups; without any, nothing is shared.
    pub fn new(groups: &[InputGroup]) -> Self {
        Self { groups: groups.to_vec(), made: Mutex::default() }
    }

    /// Whether the inputs of a group are shared.
    pub fn shares(&self, group: usize) -> bool {
        self.is_seen_again(group) || !self.made.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Whether another set of weights will see the inputs of a group.
    fn is_seen_again(&self, group: usize) -> bool {
        self.groups.get(group).is_some_and(|group| group.uses > 1)
    }

    /// A batch that has been shown before.
    pub fn get(&self, shown: &Shown) -> Option<Arc<Array4<f32>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).get(shown).cloned()
    }

    /// Keeps a batch if it is seen again.
    pub fn put(&self, shown: Shown, tensor: &Arc<Array4<f32>>) {
        if !self.is_seen_again(shown.group) {
            return;
        }
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(shown, Arc::clone(tensor));
    }

    /// Notes that a set of weights of a group has seen all it will see; the last one frees the group's inputs.
    pub fn seen(&mut self, group: usize) {
        let Some(left) = self.groups.get_mut(group) else { return };
        left.uses = left.uses.saturating_sub(1);
        if left.uses == 0 {
            self.made.get_mut().unwrap_or_else(PoisonError::into_inner).retain(|shown, _| shown.group != group);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(group: usize, items: &[(usize, usize)]) -> Shown {
        Shown { group, items: items.to_vec(), len: 2 }
    }

    #[test]
    fn what_the_last_one_has_seen_is_freed() {
        let group = |uses| InputGroup { uses, bytes: 4 };
        let mut inputs = Inputs::new(&[group(2), group(1)]);
        assert!(inputs.shares(0) && !inputs.shares(1) && !inputs.shares(2));
        let tensor = Arc::new(Array4::zeros((1, 1, 1, 1)));
        inputs.put(shown(0, &[(0, 0), (1, 0)]), &tensor);
        assert!(inputs.get(&shown(0, &[(0, 0), (1, 0)])).is_some());
        for other in [shown(0, &[(0, 0), (1, 1)]), shown(0, &[(1, 0), (0, 0)]), shown(1, &[(0, 0), (1, 0)])] {
            assert!(inputs.get(&other).is_none(), "{other:?}");
        }
        inputs.seen(0);
        assert!(inputs.shares(0) && inputs.get(&shown(0, &[(0, 0), (1, 0)])).is_some());
        inputs.put(shown(0, &[(2, 0)]), &tensor);
        assert!(inputs.get(&shown(0, &[(2, 0)])).is_none(), "the last one needs none");
        inputs.seen(0);
        assert!(!inputs.shares(0));
        assert_eq!(Arc::strong_count(&tensor), 1);
    }
}
