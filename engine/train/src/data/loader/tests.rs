use std::path::Path;

use super::super::testing::{self, png};
use super::*;
use crate::recipe::{Border, Data, Transform, Truth};
use pleura::Size;

const SIZE: Size = Size::new(6, 8);

/// Seven images of `SIZE`, the even ones of them positive.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..7 {
        let at = |kind: &str| folder.path().join(format!("{kind}/{number}.png"));
        png(&at("images"), (6, 8), |row, column| (row * 8 + column + 50 * number) as u8 / 2 + 10);
        png(&at("masks"), (6, 8), |row, _| if row < 3 && number % 2 == 0 { 255 } else { 0 });
    }
    folder
}

fn open(folder: &Path, change: impl FnOnce(&mut Data)) -> Arc<Dataset> {
    let truth = Truth::Masks { folder: "masks".into(), absent_is_empty: false };
    let text = "images = ['images']\ntruth = { kind = 'rle', csv = '' }";
    let mut data = Data { truth, ..toml::from_str(text).unwrap() };
    change(&mut data);
    Arc::new(Dataset::open(folder, &data).unwrap())
}

fn plan(items: &[usize], batch: usize) -> Plan {
    Plan {
        items: items.to_vec(),
        size: SIZE,
        crop: None,
        batch,
        shown: 0,
        channels: 1,
        augment: Vec::new(),
        mixup: None,
        draw: Draw::default(),
    }
}

fn heavy() -> Vec<Augment> {
    let turn = Transform::ShiftScaleRotate { shift: 0.1, scale: 0.1, degrees: 45.0, border: Border::Constant };
    let elastic = Transform::Elastic { alpha: 20.0, sigma: 2.0, affine: 1.0, border: Border::Reflect101 };
    vec![
        Augment { p: 0.5, one_of: vec![Transform::Hflip {}] },
        Augment { p: 0.9, one_of: vec![turn, elastic, Transform::Gamma { range: [0.5, 2.0] }] },
    ]
}

fn all(loader: Loader) -> Vec<Batch> {
    loader.map(Result::unwrap).collect()
}

#[test]
fn training_shows_whole_batches_in_order() {
    let folder = folder();
    let data = open(folder.path(), |_| ());
    let loader = Loader::training(&data, plan(&[6, 1, 2, 5, 0, 3, 4], 3)).unwrap();
    assert_eq!(loader.size_hint().1, Some(2));
    let batches = all(loader);
    let ids: Vec<_> = batches.iter().flat_map(|batch| batch.ids.clone()).collect();
    assert_eq!(ids, ["6", "1", "2", "5", "0", "3"]);
    assert_eq!(batches[0].labels, ndarray::array![1.0, 0.0, 1.0]);
    assert_eq!((batches[0].images.dim(), batches[0].masks.dim(), batches[0].real), ((3, 1, 6, 8), (3, 1, 6, 8), 3));
    for (number, batch) in batches.iter().enumerate() {
        for at in 0..3 {
            let sample = data.prepared([6, 1, 2, 5, 0, 3][number * 3 + at], SIZE).unwrap();
            assert_eq!(batch.images.slice(ndarray::s![at, 0, .., ..]), sample.image);
            assert_eq!(batch.masks.slice(ndarray::s![at, 0, .., ..]), sample.mask.mapv(f32::from));
        }
    }
}

#[test]
fn validation_shows_every_image_and_fills_up() {
    let folder = folder();
    let data = open(folder.path(), |_| ());
    // no augmentation, whatever the plan says
    let batches = all(Loader::validation(&data, Plan { augment: heavy(), ..plan(&[0, 1, 2, 3], 3) }).unwrap());
    assert_eq!(batches.iter().map(|batch| batch.real).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(batches[1].ids, ["3", "3", "3"]);
    assert_eq!(batches[1].images.dim(), (3, 1, 6, 8));
    assert_eq!(batches[1].images.slice(ndarray::s![2, 0, .., ..]), data.prepared(3, SIZE).unwrap().image);
    assert_eq!(all(Loader::validation(&data, plan(&[5], 3)).unwrap())[0].real, 1);
}

#[test]
fn too_few_images_are_an_error_at_the_start() {
    let folder = folder();
    let data = open(folder.path(), |_| ());
    let message = |loader: Result<Loader, DataError>| loader.unwrap_err().to_string();
    let text = message(Loader::training(&data, plan(&[0, 1], 3)));
    assert_eq!(text, "an epoch has 2 images, fewer than a batch of 3: set `batch` to at most 2");
    assert_eq!(message(Loader::validation(&data, plan(&[], 3))), "no images to validate on");
    let clahe = vec![Augment { p: 0.1, one_of: vec![Transform::Clahe { clip: 2.0, tiles: 8 }] }];
    let text = message(Loader::training(&data, Plan { augment: clahe, ..plan(&[0, 1, 2], 3) }));
    assert!(text.starts_with("images of 6×8 are too small"), "{text}");
}

#[test]
fn inputs_are_normalised_as_in_prediction() {
    let folder = folder();
    let data = open(folder.path(), |data| {
        data.scale = 2.0;
        data.mean = vec![0.1, 0.2, 0.3];
        data.std = vec![0.5];
    });
    let batch = all(Loader::validation(&data, Plan { channels: 3, ..plan(&[0], 1) }).unwrap()).remove(0);
    let image = &data.prepared(0, SIZE).unwrap().image;
    for channel in 0..3 {
        let expected = image.mapv(|v| (v * 2.0 - [0.1, 0.2, 0.3][channel]) / 0.5);
        assert_eq!(batch.images.slice(ndarray::s![0, channel, .., ..]), expected);
    }
}

#[test]
fn bytes_do_not_depend_on_threads_or_memory() {
    let folder = folder();
    let plan = Plan { augment: heavy(), draw: Draw { seed: 9, phase: 1, epoch: 4 }, ..plan(&[3, 0, 4, 1, 6, 2], 6) };
    let with = |threads, cache_mib| {
        let data = open(folder.path(), |data| data.cache_mib = cache_mib);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| [batch(&data, &plan, 0).unwrap(), batch(&data, &plan, 0).unwrap()])
    };
    let [first, again] = with(1, 10);
    assert_eq!(first, again);
    assert_eq!([first.clone(), again], with(5, 10));
    assert_eq!(first, with(3, 0)[1]);
    let data = open(folder.path(), |_| ());
    assert_eq!(first, all(Loader::training(&data, plan.clone()).unwrap())[0]);
    let later = Plan { draw: Draw { epoch: 5, ..plan.draw }, ..plan };
    assert_ne!(first, all(Loader::training(&data, later).unwrap())[0]);
}

#[test]
fn what_is_augmented_away_is_negative() {
    let folder = folder();
    let data = open(folder.path(), |_| ());
    let augment = vec![Augment { p: 1.0, one_of: vec![Transform::Crop { keep: [0.25, 0.25] }] }];
    let (mut kept, mut gone) = (0, 0);
    for epoch in 0..20 {
        let draw = Draw { epoch, ..Draw::default() };
        let plan = Plan { augment: augment.clone(), draw, ..plan(&[0, 2, 4], 3) };
        for batch in all(Loader::training(&data, plan).unwrap()) {
            for (label, mask) in batch.labels.iter().zip(batch.masks.outer_iter()) {
                assert_eq!(*label, mask.iter().copied().fold(0.0, f32::max));
                if *label == 1.0 { kept += 1 } else { gone += 1 }
            }
        }
    }
    assert!(kept > 5 && gone > 5, "{kept} kept, {gone} gone");
}

/// Each training image is cropped to a part of itself, pixel for pixel; every part occurs, and validation images are
/// whole.
#[test]
fn training_images_are_cut_and_others_are_not() {
    let folder = folder();
    let data = open(folder.path(), |_| ());
    let mut places = std::collections::HashSet::new();
    for epoch in 0..60 {
        let draw = Draw { epoch, ..Draw::default() };
        let plan = Plan { crop: Some(Size::new(4, 5)), draw, ..plan(&[0, 1], 2) };
        let batch = all(Loader::training(&data, plan.clone()).unwrap()).remove(0);
        assert_eq!((batch.images.dim(), batch.masks.dim()), ((2, 1, 4, 5), (2, 1, 4, 5)));
        for (at, label) in batch.labels.iter().enumerate() {
            let whole = data.prepared(at, SIZE).unwrap();
            let is_at = |&(top, left): &(usize, usize)| {
                let part = ndarray::s![top..top + 4, left..left + 5];
                batch.images.slice(ndarray::s![at, 0, .., ..]) == whole.image.slice(part)
                    && batch.masks.slice(ndarray::s![at, 0, .., ..]) == whole.mask.slice(part).mapv(f32::from)
            };
            let place = (0..3).flat_map(|top| (0..4).map(move |left| (top, left))).find(is_at);
            let (top, left) = place.expect("a part of the image as it is");
            // the upper three rows of the even ones are marked
            assert_eq!(*label, f32::from(u8::from(at == 0 && top < 3)));
            places.insert((top, left));
        }
        let whole = all(Loader::validation(&data, plan).unwrap()).remove(0);
        assert_eq!(whole.images.dim(), (2, 1, 6, 8));
    }
    assert_eq!(places.len(), 12, "{places:?}");
}

#[test]
fn marks_too_small_to_be_seen_are_positive_all_the_same() {
    let folder = folder();
    png(&folder.path().join("masks/0.png"), (6, 8), |row, column| if row + column == 0 { 255 } else { 0 });
    let data = open(folder.path(), |_| ());
    let batch = all(Loader::training(&data, Plan { size: Size::new(3, 4), ..plan(&[0], 1) }).unwrap()).remove(0);
    assert_eq!((batch.labels[0], batch.masks.sum()), (1.0, 0.0));
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_ends_the_epoch() {
    let folder = folder();
    let data = open(folder.path(), |_| ());
    std::fs::write(folder.path().join("images/2.png"), "gone").unwrap();
    let mut loader = Loader::training(&data, plan(&[0, 1, 2, 3, 4, 5], 2)).unwrap();
    assert_eq!(loader.next().unwrap().unwrap().ids, ["0", "1"]);
    let text = loader.next().unwrap().unwrap_err().to_string();
    assert!(text.contains("images/2.png` is not a DICOM, PNG or JPEG file"), "{text}");
    assert!(loader.next().is_none() && loader.next().is_none());
}

#[test]
fn the_thread_ends_with_its_loader() {
    let folder = folder();
    let data = open(folder.path(), |_| ());
    let items: Vec<_> = (0..700).map(|at| at % 7).collect();
    let mut loader = Loader::training(&data, plan(&items, 2)).unwrap();
    loader.next().unwrap().unwrap();
    assert_eq!(Arc::strong_count(&data), 2);
    drop(loader);
    assert_eq!(Arc::strong_count(&data), 1, "the thread holds the other");
}

#[test]
#[should_panic(expected = "index out of bounds")]
fn a_panic_in_the_thread_is_one_here() {
    let folder = folder();
    let data = open(folder.path(), |_| ());
    all(Loader::training(&data, plan(&[0, 99], 1)).unwrap());
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn lungs_load() {
    let shared = testing::data();
    let data = open(&shared.join("lungs"), |_| ());
    let plan = Plan { size: Size::new(128, 128), augment: heavy(), ..plan(&(0..93).collect::<Vec<_>>(), 10) };
    let batches = all(Loader::training(&data, plan.clone()).unwrap());
    assert_eq!(batches.len(), 9);
    assert!(batches.iter().all(|batch| batch.images.iter().all(|v| (0.0..=1.0).contains(v))));
    assert_eq!(all(Loader::validation(&data, plan).unwrap()).iter().map(|batch| batch.real).sum::<usize>(), 93);
}
