use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use proptest::prelude::*;

use super::super::testing::items;
use super::*;

fn labels(text: &str) -> Vec<bool> {
    text.chars().map(|letter| letter == '+').collect()
}

fn spread(counts: &[usize]) -> usize {
    counts.iter().max().unwrap() - counts.iter().min().unwrap()
}

proptest! {
    #[test]
    fn images_alone_are_balanced_within_one(
        labels in prop::collection::vec(any::<bool>(), 2..120), count in 2_u32..9, seed in any::<u64>()
    ) {
        let items = subjects(&items(&labels));
        prop_assume!(items.len() >= count as usize);
        let folds = divide(&items, None, count, seed).unwrap();
        let tally = |wanted: &dyn Fn(usize) -> bool| -> Vec<usize> {
            (0..count).map(|fold| (0..items.len()).filter(|&i| folds[i] == fold && wanted(i)).count()).collect()
        };
        prop_assert!(spread(&tally(&|index| labels[index])) <= 1);
        prop_assert!(spread(&tally(&|_| true)) <= 1);
        prop_assert_eq!(&folds, &divide(&items, None, count, seed).unwrap());
    }

    #[test]
    fn areas_that_follow_one_another_go_to_different_folds(
        mut areas in prop::collection::vec(0_u64..50_000, 10..120), count in 2_u32..9, seed in any::<u64>()
    ) {
        let subjects: Vec<_> = areas.iter().map(|&area| Subject { positive: area > 0, area }).collect();
        let folds = divide(&subjects, None, count, seed).unwrap();
        let mut of_fold = vec![Vec::new(); count as usize];
        let positives = subjects.iter().zip(&folds).filter(|(subject, _)| subject.positive);
        positives.for_each(|(subject, &fold)| of_fold[fold as usize].push(subject.area));
        areas.retain(|&area| area > 0);
        areas.sort_unstable_by(|a, b| b.cmp(a));
        for fold in &mut of_fold {
            fold.sort_unstable_by(|a, b| b.cmp(a));
            // its n-th largest is one of the n-th `count` largest of all
            for (area, block) in fold.iter().zip(areas.chunks(count as usize)) {
                prop_assert!(block.contains(area), "{area} of {block:?}");
            }
        }
        // so no two folds differ in marked pixels by more than the largest mask
        let sums: Vec<u64> = of_fold.iter().map(|fold| fold.iter().sum()).collect();
        let spread = sums.iter().max().unwrap() - sums.iter().min().unwrap();
        prop_assert!(spread <= areas.first().copied().unwrap_or(0), "{sums:?}");
    }

    #[test]
    fn patients_are_never_split_and_positives_balanced_within_the_largest(
        images in prop::collection::vec((any::<bool>(), 0_usize..25), 2..120), count in 2_u32..6, seed in any::<u64>()
    ) {
        let (labels, patients): (Vec<_>, Vec<_>) = images.into_iter().unzip();
        let items = subjects(&items(&labels));
        prop_assume!(patients.iter().collect::<HashSet<_>>().len() >= count as usize);
        let folds = divide(&items, Some(&patients), count, seed).unwrap();
        prop_assert_eq!(split(&patients, &folds), 0);
        let mut positives: HashMap<usize, usize> = HashMap::new();
        let mut of_fold = vec![0; count as usize];
        let mut in_fold = vec![0; count as usize];
        for index in 0..items.len() {
            *positives.entry(patients[index]).or_default() += usize::from(labels[index]);
            of_fold[folds[index] as usize] += usize::from(labels[index]);
            in_fold[folds[index] as usize] += 1;
        }
        prop_assert!(spread(&of_fold) <= *positives.values().max().unwrap());
        prop_assert!(in_fold.iter().all(|&images| images > 0), "{:?}", in_fold);
    }
}

#[test]
fn another_seed_divides_otherwise() {
    let items = [Subject::default(); 40];
    assert_ne!(divide(&items, None, 5, 0).unwrap(), divide(&items, None, 5, 1).unwrap());
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let items = items(&labels("+-+-+-----"));
    let recipe = Folds { csv: Some("folds.csv".into()), count: 3, ..Folds::default() };
    let written = Division::open(folder.path(), &recipe, &items, true).unwrap();
    let text = std::fs::read_to_string(folder.path().join("folds.csv")).unwrap();
    assert!(text.starts_with("ImageId,fold\ni0,") && text.lines().count() == 11, "{text}");
    // whatever the seed is meanwhile
    let read = Division::open(folder.path(), &Folds { seed: 7, ..recipe.clone() }, &items, true).unwrap();
    assert_eq!(written, read);
    for fold in 0..3 {
        let (held_out, training) = (read.held_out(fold), read.training(fold));
        let all: HashSet<_> = held_out.iter().chain(&training).copied().collect();
        assert_eq!((all.len(), held_out.len() + training.len()), (10, 10));
    }
    let fewer = Division::open(folder.path(), &recipe, &items[..9], true).unwrap();
    assert!(fewer.remarks()[0].ends_with("folds for 1 images without a file"), "{:?}", fewer.remarks());
}

#[test]
fn faults_are_told() {
    let cases = [
        // (images, folds, patients, count, trained, message)
        ("+-+-", "", "", 5, None, "4 images cannot fill 5 folds"),
        ("+-+-", "", "ImageId,PatientId\ni0,a\ni1,a\ni2,a\ni3,a\n", 2, None, "1 patients cannot fill 2 folds"),
        ("+-+-", "", "ImageId,PatientId\ni0,a\n", 2, None, "has no `PatientId` for `i1`, `i2`, `i3`"),
        ("+-+-", "", "ImageId,Patient\ni0,a\n", 2, None, "expected a column `PatientId`"),
        ("+-+-", "", "", 2, Some(vec![2]), "`folds.train` has 2; expected 0 to 1"),
        ("+---", "", "", 2, None, "without fold 1 there is no positive image"),
        (
            "+-+-",
            "ImageId,fold\ni0,0\ni1,1\n",
            "",
            2,
            None,
            "has no fold for `i2`, `i3`: it was made from different data",
        ),
        ("+-+-", "ImageId,fold\ni0,0\ni1,1\ni2,2\ni3,0\n", "", 2, None, "the `fold` of `i2` is `2`; expected 0 to 1"),
        ("+-+-", "ImageId,fold\ni0,0\ni1,1\ni2,x\ni3,0\n", "", 2, None, "the `fold` of `i2` is `x`; expected 0 to 1"),
        ("+-+-", "ImageId,fold\ni0,0\ni1,0\ni2,2\ni3,0\n", "", 3, None, "fold 2 is empty"),
    ];
    for (text, folds, patients, count, train, message) in cases {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            (!text.is_empty()).then(|| {
                std::fs::write(folder.path().join(name), text).unwrap();
                PathBuf::from(name)
            })
        };
        let (csv, patients) = (file("folds.csv", folds), file("patients.csv", patients));
        let recipe = Folds { count, train, csv, patients, ..Folds::default() };
        let error = Division::open(folder.path(), &recipe, &items(&labels(text)), true).unwrap_err().to_string();
        assert!(error.contains(message), "{error}\nfor {message}");
    }
}

#[test]
fn oddities_are_remarks() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f.csv"), "ImageId,fold\ni0,0\ni1,1\ni2,0\ni3,1\n").unwrap();
    std::fs::write(folder.path().join("p.csv"), "ImageId,PatientId\ni0,a\ni1,a\ni2,b\ni3,c\n").unwrap();
    let recipe = Folds { count: 2, csv: Some("f.csv".into()), patients: Some("p.csv".into()), ..Folds::default() };
    let division = Division::open(folder.path(), &recipe, &items(&labels("++-+")), true).unwrap();
    assert!(division.remarks()[0].ends_with("1 patients with images in several folds"), "{:?}", division.remarks());
    let recipe = Folds { train: Some(vec![1, 1]), patients: None, ..recipe };
    let division = Division::open(folder.path(), &recipe, &items(&labels("+---")), false).unwrap();
    assert_eq!((division.trained(), division.remarks().len()), (&[1_u32][..], 0));
    let division = Division::open(folder.path(), &recipe, &items(&labels("+-+-")), true).unwrap();
    assert_eq!(division.remarks(), ["fold 2 holds out no positive image: its Dice is not meaningful"]);
}
