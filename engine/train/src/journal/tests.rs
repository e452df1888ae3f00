use std::fs;

use tempfile::TempDir;

use super::*;

fn line(fold: u32, phase: u32, epoch: u32) -> Line {
    Line {
        fold,
        phase,
        epoch,
        step: 10,
        lr: 1e-4,
        loss: 0.1 + 0.2,
        terms: [("map.bce".to_owned(), Some(0.1))].into(),
        validation_loss: Some(0.4),
        dice: Some(0.9),
        dice_positives: Some(0.8),
        iou: Some(0.85),
        auc: None,
        images_per_second: 41.2,
        seconds: 1.5,
    }
}

/// The order in which two folds of two phases are recorded.
fn lines() -> Vec<Line> {
    let epochs = |fold| [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)].map(|(phase, epoch)| line(fold, phase, epoch));
    [epochs(3), epochs(1)].concat()
}

fn journal() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    let mut journal = Journal::create(&path).unwrap();
    lines().iter().for_each(|line| journal.append(line).unwrap());
    (folder, path)
}

#[test]
fn lines_come_back() {
    let (_folder, path) = journal();
    assert_eq!(Journal::read(&path).unwrap(), lines());
    assert_eq!(
        checksum::unseal(fs::read_to_string(path).unwrap().lines().next().unwrap(), "").unwrap(),
        r#"{"fold":3,"phase":0,"epoch":0,"step":10,"lr":0.0001,"loss":0.30000000000000004,"terms":{"map.bce":0.1},"validation_loss":0.4,"dice":0.9,"dice_positives":0.8,"iou":0.85,"auc":null,"images_per_second":41.2,"seconds":1.5}"#
    );
}

#[test]
fn what_is_no_number_does_not_break_the_file() {
    let (_folder, path) = journal();
    let mut journal = Journal::create(&path).unwrap();
    let odd = Line { loss: f64::NAN, lr: f32::INFINITY, validation_loss: Some(f64::NAN), ..line(0, 0, 0) };
    journal.append(&odd).unwrap();
    let read = &Journal::read(&path).unwrap()[0];
    assert!(read.loss.is_nan() && read.lr.is_nan() && read.validation_loss.is_none());
}

#[test]
fn a_resumed_journal_is_as_if_never_interrupted() {
    let all = lines();
    // an epoch recorded but not in the checkpoint, none, all of a fold, none of a fold, and the other fold's
    let cases = [(1, 1, 1, 9), (1, 1, 2, 10), (1, 0, 0, 5), (2, 0, 0, 10), (3, 1, 0, 8), (1, 0, 2, 7)];
    for (fold, phase, epoch, left) in cases {
        for torn in ["", "{\"fold\":1,\"pha", "{}"] {
            let (_folder, path) = journal();
            let whole = fs::read_to_string(&path).unwrap();
            fs::write(&path, whole.clone() + torn).unwrap();
            let next = Position { fold, phase, epoch, step: 3 };
            let mut journal = Journal::resume(&path, next).unwrap();
            let kept = Journal::read(&path).unwrap();
            assert_eq!(kept.len(), left, "{next:?}");
            assert!(kept.iter().all(|line| line.fold != fold || (line.phase, line.epoch) < (phase, epoch)));
            if fold == 1 {
                all[left..].iter().for_each(|line| journal.append(line).unwrap());
                assert_eq!(fs::read_to_string(&path).unwrap(), whole, "{next:?}");
            }
        }
    }
}

#[test]
fn any_flipped_bit_is_noticed_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    let mut journal = Journal::create(&path).unwrap();
    let lines = [line(0, 0, 0), line(0, 0, 1)];
    lines.iter().for_each(|line| journal.append(line).unwrap());
    let whole = fs::read(&path).unwrap();
    let next = Position { fold: 0, phase: 0, epoch: 2, step: 0 };
    for bit in 0..8 * whole.len() {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &bytes).unwrap();
        if let Ok(read) = Journal::read(&path) {
            assert_eq!(read, lines, "bit {bit}");
            Journal::resume(&path, next).unwrap();
            assert!(fs::read(&path).unwrap() == whole, "bit {bit}");
        }
    }
}

#[test]
fn a_journal_that_is_not_there_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    assert_eq!(Journal::read(&path).unwrap(), []);
    Journal::resume(&path, Position::default()).unwrap().append(&line(0, 0, 0)).unwrap();
    assert_eq!(Journal::read(&path).unwrap().len(), 1);
}

#[test]
fn errors_name_file_and_line() {
    let (folder, path) = journal();
    let text = fs::read_to_string(&path).unwrap();
    let faults = |text: String| {
        fs::write(&path, text).unwrap();
        [Journal::read(&path).unwrap_err(), Journal::resume(&path, Position::default()).unwrap_err()]
            .map(|error| pleura::chain(&error))
    };
    for message in faults(text.replacen("\"dice\":0.9", "\"dice\":0.8", 2)) {
        assert!(
            message.contains("metrics.jsonl`: line 1 is damaged; restore it from a copy")
                && message.ends_with("its checksum does not match its contents"),
            "{message}"
        );
    }
    // as before lines had checksums
    let bare: String = text.lines().map(|line| checksum::unseal(line, "").unwrap() + "\n").collect();
    for message in faults(bare.replacen("\"dice\"", "\"dise\"", 2)) {
        assert!(
            message.contains("metrics.jsonl`: line 1 is not an epoch; ") && message.contains("unknown field `dise`"),
            "{message}"
        );
    }
    fs::write(&path, bare).unwrap();
    assert_eq!(Journal::read(&path).unwrap(), lines());
    let error = Journal::create(&folder.path().join("none").join("metrics.jsonl")).unwrap_err();
    assert!(error.to_string().contains("cannot write"), "{error}");
    assert!(matches!(Journal::read(folder.path()), Err(JournalError::Read { .. })));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_as_such() {
    // opened here: a journal's own path may not be a device
    let file = OpenOptions::new().append(true).open("/dev/full").unwrap();
    let mut journal = Journal { path: "/dev/full".into(), file };
    let Err(JournalError::Write(error)) = journal.append(&line(0, 0, 0)) else { panic!("it is full") };
    assert_eq!(error.source.kind(), ErrorKind::StorageFull);
}
