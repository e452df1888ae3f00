use std::fs;
use std::io::ErrorKind;
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::metrics::Running;
use crate::schedule::{Patience, Plateau};
use crate::step::LossScale;

fn recipe() -> Recipe {
    serde_json::from_value(json!({
        "schema": 1,
        "name": "small",
        "network": { "architecture": { "kind": "unet", "encoder": "resnet18" } },
        "data": { "images": ["*.png"], "truth": { "kind": "masks", "folder": "masks" } },
        "loss": { "map": [{ "kind": "bce" }, { "kind": "dice", "weight": 0.3 }] },
        "optimizer": { "kind": "adam" },
        "phases": [
            { "epochs": 3, "size": [64, 64], "batch": 2, "lr": 1e-4, "schedule": { "kind": "plateau" }, "patience": 2 },
            { "epochs": 3, "size": [96, 96], "batch": 2, "lr": 3e-5 },
        ],
    }))
    .unwrap()
}

fn checkpoint() -> Checkpoint {
    let recipe = recipe();
    let mut plateau = Plateau::new(&recipe.phases[0]).unwrap();
    let mut patience = Patience::new(&recipe.phases[0]).unwrap();
    [0.3, 0.1 + 0.2].into_iter().for_each(|loss| {
        plateau.observe(loss);
        patience.observe(loss);
    });
    let mut losses = Running::default();
    losses.add([("loss", 0.1), ("bce", 1e-9)], 3);
    let mut scale = LossScale::default();
    scale.observe(false);
    scale.observe(true);
    let state = State {
        recipe,
        network: "abc".into(),
        data: "images".into(),
        at: Position { fold: 2, phase: 0, epoch: 2, step: 17 },
        updates: 1234,
        scale: Some(scale),
        averaged: 1,
        best: Some(Best { value: 0.1 + 0.2, phase: 0, epoch: 1 }),
        top: vec![Best { value: 0.1 + 0.2, phase: 0, epoch: 1 }, Best { value: 0.1, phase: 0, epoch: 0 }],
        plateau: Some(plateau),
        patience: Some(patience),
        losses,
        epoch_seconds: 1.25,
        epoch_images: 12,
        seconds: 1.0 / 3.0,
    };
    // a quiet and a signalling NaN with payloads, the smallest subnormal, both zeros, infinity
    let odd = [0x7FC0_1234, 0xFF80_0001, 0x0000_0001, 0x8000_0000, 0, 0x7F80_0000].map(f32::from_bits);
    let tensors = Tensors::from([
        ("w".to_owned(), (vec![2, 3], odd.to_vec())),
        ("b ünder \"quotes\"".to_owned(), (vec![], vec![0.1])),
        ("empty".to_owned(), (vec![0, 4], vec![])),
    ]);
    Checkpoint { tensors, state }
}

fn saved(checkpoint: &Checkpoint) -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fold-2.safetensors");
    checkpoint.save(&path).unwrap();
    (folder, path)
}

/// Tensors as bits, since NaN is not equal to itself.
fn bits(checkpoint: &Checkpoint) -> IndexMap<&str, (&[usize], Vec<u32>)> {
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect();
    checkpoint.tensors.iter().map(|(name, (shape, values))| (name.as_str(), (&shape[..], bits(values)))).collect()
}

#[test]
fn every_bit_comes_back() {
    let checkpoint = checkpoint();
    let (_folder, path) = saved(&checkpoint);
    let read = Checkpoint::read(&path).unwrap();
    assert_eq!(read.state, checkpoint.state);
    assert_eq!(bits(&read), bits(&checkpoint));
}

#[test]
fn the_same_checkpoint_gives_the_same_bytes() {
    let one = checkpoint();
    let mut other = one.clone();
    other.tensors.reverse();
    let (_a, one) = saved(&one);
    let (_b, other) = saved(&other);
    assert!(fs::read(one).unwrap() == fs::read(other).unwrap());
}

#[test]
fn others_can_read_the_tensors() {
    let (_folder, path) = saved(&checkpoint());
    let file = fs::read(path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    assert_eq!(tensors.tensor("w").unwrap().shape(), [2, 3]);
}

type Change = fn(&mut Recipe, &mut IndexMap<String, Vec<usize>>, &mut Origin<'static>);

/// The result of resuming after a change of the training.
fn resumed(change: Change) -> Result<Checkpoint, String> {
    let checkpoint = checkpoint();
    let (_folder, path) = saved(&checkpoint);
    let mut recipe = recipe();
    let mut shapes = checkpoint.tensors.iter().map(|(name, (shape, _))| (name.clone(), shape.clone())).collect();
    let of_nothing: &'static (Recipe, IndexMap<_, _>) = Box::leak(Box::new((self::recipe(), IndexMap::new())));
    let mut origin = Origin { recipe: &of_nothing.0, network: "abc", data: "images", shapes: &of_nothing.1, fold: 2 };
    change(&mut recipe, &mut shapes, &mut origin);
    let origin = Origin { recipe: &recipe, shapes: &shapes, ..origin };
    Checkpoint::resume(&path, &origin).map_err(|error| {
        let text = error.to_string();
        assert!(text.contains("fold-2.safetensors"), "{text}");
        text
    })
}

#[test]
fn another_training_is_told_from_this_one() {
    let cases: [(&str, Change, &[&str]); 10] = [
        (
            "a rate",
            |recipe, _, _| recipe.phases[1].lr = 1e-5,
            &["a different recipe", "`phases[1].lr` was 0.00003 and is 0.00001;", "--fresh", "--out"],
        ),
        (
            "a phase more",
            |recipe, _, _| recipe.phases.push(recipe.phases[0].clone()),
            &["`phases` was a list of 2 and is a list of 3"],
        ),
        (
            "another optimiser",
            |recipe, _, _| recipe.optimizer = serde_json::from_value(json!({ "kind": "sgd" })).unwrap(),
            &["`optimizer` was \"adam\" and is \"sgd\"; change"],
        ),
        (
            "many keys",
            |recipe, _, _| {
                (recipe.seed, recipe.data.scale, recipe.network.channels, recipe.folds.seed, recipe.folds.count) =
                    (7, 2.0, 3, 9, 4);
            },
            &["and 2 more"],
        ),
        (
            "a shape",
            |_, shapes, _| shapes["w"] = vec![3, 2],
            &["a different network", "`w` is 2×3, not 3×2", "--fresh"],
        ),
        (
            "names",
            |_, shapes, _| {
                shapes.swap_remove("w");
                shapes.insert("v".into(), vec![1]);
            },
            &["it has no `v`", "its `w` is unknown"],
        ),
        ("a scalar", |_, shapes, _| shapes["empty"] = vec![], &["`empty` is 0×4, not a scalar"]),
        ("images", |_, _, origin| origin.data = "others", &["different images, masks or folds", "--fresh"]),
        ("a graph", |_, _, origin| origin.network = "xyz", &["a different network", "graph"]),
        ("a fold", |_, _, origin| origin.fold = 0, &["belongs to fold 3, expected fold 1"]),
    ];
    for (name, change, expected) in cases {
        let message = resumed(change).expect_err(name);
        for part in expected {
            assert!(message.contains(part), "{name}: {message}");
        }
    }
}

#[test]
fn what_has_no_part_in_training_may_change() {
    resumed(|_, _, _| {}).unwrap();
    resumed(|recipe, _, _| {
        recipe.name = "another".into();
        recipe.description = "said better".into();
        recipe.folds.train = Some(vec![2]);
        recipe.data.cache_mib = 1;
    })
    .unwrap();
}

#[test]
fn what_is_no_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    let message = |contents: &[u8]| {
        fs::write(&path, contents).unwrap();
        let error = Checkpoint::read(&path).unwrap_err();
        assert!(matches!(error, CheckpointError::Damaged { .. }), "{error:?}");
        error.to_string()
    };
    assert!(message(b"").contains("x.safetensors"));
    assert!(message(b"PK\x03\x04 not what it says").contains("damaged"));
    let weights = safetensors::serialize(std::iter::empty::<(&str, safetensors::tensor::TensorView<'_>)>(), None);
    assert!(message(&weights.unwrap()).contains("no training state"));
    assert!(matches!(Checkpoint::read(&folder.path().join("none")), Err(CheckpointError::Read { .. })));
}

#[test]
fn another_format_is_no_damage() {
    let (_folder, path) = saved(&checkpoint());
    let text = r#"{"format":1,"state":{}}"#;
    let sum = file::checksum(text, std::iter::empty());
    let metadata = std::collections::HashMap::from([("pleura".to_owned(), format!("{sum}\n{text}"))]);
    let none = std::iter::empty::<(&str, safetensors::tensor::TensorView<'_>)>();
    safetensors::serialize_to_file(none, Some(metadata), &path).unwrap();
    let error = Checkpoint::read(&path).unwrap_err();
    assert!(error.to_string().contains("its format is 1, expected 2"), "{error}");
}

#[test]
fn what_cannot_be_written_leaves_what_was_there() {
    let mut checkpoint = checkpoint();
    let (folder, path) = saved(&checkpoint);
    let before = fs::read(&path).unwrap();
    for name in ["w", "__metadata__"] {
        checkpoint.tensors.insert(name.into(), (vec![2], vec![0.0; 2 + usize::from(name == "w")]));
        let error = checkpoint.save(&path).unwrap_err();
        assert!(matches!(&error, CheckpointError::Tensor { path: told, .. } if *told == path), "{error:?}");
        checkpoint.tensors.swap_remove(name);
    }
    checkpoint.state.best = Some(Best { value: f64::NAN, phase: 0, epoch: 0 });
    let error = checkpoint.save(&path).unwrap_err();
    assert!(matches!(&error, CheckpointError::State { path: told } if *told == path), "{error:?}");
    assert!(fs::read(&path).unwrap() == before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no half-written file is left");

    let nowhere = folder.path().join("none").join("x");
    let Err(CheckpointError::Write { source, .. }) = checkpoint.save(&nowhere) else { panic!("there is no folder") };
    assert_eq!(source.kind(), ErrorKind::NotFound);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_as_such() {
    let error = file::write(&checkpoint(), Path::new("/dev/full")).unwrap_err();
    let CheckpointError::Write { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.kind(), ErrorKind::StorageFull);
}

#[test]
fn a_part_is_not_taken_for_the_whole() {
    let (_folder, path) = saved(&checkpoint());
    let file = fs::read(&path).unwrap();
    let is_damaged = |bytes: &[u8]| matches!(file::decode(bytes, &path), Err(CheckpointError::Damaged { .. }));
    for cut in 0..file.len() {
        assert!(is_damaged(&file[..cut]), "cut at {cut}");
    }
    assert!(is_damaged(&[&file[..], b"0"].concat()));
}

proptest! {
    // each case waits for the disk
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn tensors_come_back(tensors in prop::collection::vec((".{0,12}", 0..4_usize, prop::collection::vec(any::<u32>(), 0..8)), 0..5)) {
        let tensors = tensors.into_iter().map(|(name, more, bits)| {
            let shape = [vec![1; more], vec![bits.len()]].concat();
            (name, (shape, bits.into_iter().map(f32::from_bits).collect()))
        });
        let checkpoint = Checkpoint { tensors: tensors.collect(), ..checkpoint() };
        let (_folder, path) = saved(&checkpoint);
        let read = Checkpoint::read(&path).unwrap();
        prop_assert_eq!(bits(&read), bits(&checkpoint));
    }

}

proptest! {
    /// Except for blanks in the header, which mean nothing, no bit can change unnoticed.
    #[test]
    fn a_changed_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8) {
        static SAVED: LazyLock<(Checkpoint, Vec<u8>)> = LazyLock::new(|| {
            let (_folder, path) = saved(&checkpoint());
            (checkpoint(), fs::read(path).unwrap())
        });
        let (checkpoint, mut file) = (&SAVED.0, SAVED.1.clone());
        let at = at.index(file.len());
        file[at] ^= 1_u8 << bit;
        match file::decode(&file, Path::new("x")) {
            Ok(read) => prop_assert!(bits(&read) == bits(checkpoint) && read.state == checkpoint.state),
            Err(error) => prop_assert!(matches!(error, CheckpointError::Damaged { .. }), "{:?}", error),
        }
    }
}
