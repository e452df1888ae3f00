//! Entries are read back as they were written, or not at all.

use ndarray::{Array2, array};
use proptest::prelude::*;

use super::super::answer::{Answer, ViewAnswer};
use super::super::map::Map;
use super::entry::{Form, decode, encode};
use super::{Cache, Key, hash, region_text};
use crate::Size;
use crate::ensemble::task::{Region, RequiredOutputs};
use crate::manifest::{Against, Join, Pick};

fn answer(map: Array2<f32>) -> Answer {
    let views = vec![ViewAnswer { score: Some(0.1 + 0.2), highest: None }];
    Answer { score: Some(1.0 / 3.0), agreement: Some(0.65), map: Some(Map::Probabilities(map)), views }
}

fn only(answer: &Answer) -> &Array2<f32> {
    let [map] = answer.map.as_ref().unwrap().planes() else { panic!("expected one plane") };
    map
}

#[test]
fn averages_of_logits_are_kept_exactly() {
    let planes = vec![array![[-30.0, 2.5]], array![[0.1, 7.0]], array![[1e-9, 0.0]]];
    let pick = Pick { channels: vec![1, 2], join: Join::Max, against: Against::All, complement: true };
    for map in [Map::LogOdds(planes[0].clone()), Map::Classes(planes, pick)] {
        let kept = Answer { map: Some(map), ..answer(array![[0.5]]) };
        assert_eq!(decode(&encode(&kept, "me", Form::Steps8).unwrap(), "me").unwrap(), kept);
    }
}

proptest! {
    #[test]
    fn what_is_kept_comes_back_bit_by_bit(
        values in prop::collection::vec(prop_oneof![0.0f32..=1.0, Just(1e-45), Just(-0.0), Just(f32::MIN_POSITIVE)], 1..200),
    ) {
        let map = Array2::from_shape_vec((1, values.len()), values).unwrap();
        let kept = answer(map);
        let back = decode(&encode(&kept, "me", Form::Exact).unwrap(), "me").unwrap();
        let bits = |map: &Array2<f32>| map.iter().map(|p| p.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(only(&back)), bits(only(&kept)));
        prop_assert_eq!((back.score, back.agreement, &back.views), (kept.score, kept.agreement, &kept.views));
        for (form, steps) in [(Form::Steps16, 65535.0), (Form::Steps8, 255.0)] {
            let back = decode(&encode(&kept, "me", form).unwrap(), "me").unwrap();
            for (a, b) in only(&back).iter().zip(only(&kept)) {
                prop_assert!((a - b).abs() <= 0.5 / steps + 1e-6, "{} for {}", a, b);
            }
        }
    }
}

#[test]
fn no_damaged_bit_goes_unnoticed() {
    let bytes = encode(&answer(array![[0.25, 0.5], [0.75, 1.0]]), "me", Form::Exact).unwrap();
    assert!(decode(&bytes, "me").is_some());
    assert!(decode(&bytes, "you").is_none(), "another question");
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1 << bit;
            assert!(decode(&damaged, "me").is_none(), "bit {bit} of byte {index}");
        }
        assert!(decode(&bytes[..index], "me").is_none(), "cut at {index}");
    }
}

#[test]
fn an_entry_that_lacks_what_is_wanted_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path(), Form::Exact).unwrap();
    let key = Key { path: folder.path().join("a/b.answer"), identity: "me".into() };
    cache.put(&key, &Answer { score: Some(0.5), ..Answer::default() });
    let wanted = |score, map| RequiredOutputs { score, map };
    assert!(cache.get(&key, wanted(true, false)).is_some());
    assert!(cache.get(&key, wanted(true, true)).is_none());
    let left = std::fs::read_dir(folder.path().join("a")).unwrap().count();
    assert_eq!(left, 1, "only whole entries are left behind");
}

#[test]
fn texts_do_not_run_into_one_another() {
    assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
}

#[test]
fn the_text_of_a_region_in_keys_stays_as_it_is() {
    let region = Region { top: 1, left: 2, height: 3, width: 4, of: Size::new(5, 6) };
    assert_eq!(region_text(region), "Region { top: 1, left: 2, height: 3, width: 4, of: (5, 6) }");
}
