use super::*;

/// The events of a folder's files, in the order in which TensorBoard reads them.
fn events(folder: &Path) -> Vec<Event> {
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut events = Vec::new();
    for file in files {
        let bytes = std::fs::read(file).unwrap();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            assert_eq!(rest[8..12], record::masked(&rest[..8]).to_le_bytes());
            let content = &rest[12..12 + length];
            assert_eq!(rest[12 + length..16 + length], record::masked(content).to_le_bytes());
            events.push(Event::decode(content).unwrap());
            rest = &rest[16 + length..];
        }
    }
    events
}

fn line(epoch: u32) -> Line {
    serde_json::from_value(serde_json::json!({
        "fold": 0, "phase": 0, "epoch": epoch, "step": 10 * (epoch + 1), "lr": 0.5, "loss": 0.25,
        "terms": { "bce": 0.125, "dice": 0.125 }, "validation_loss": 0.5, "dice": 0.75, "dice_positives": null,
        "iou": 0.5, "auc": null, "images_per_second": 8.0, "seconds": 2.0,
    }))
    .unwrap()
}

fn steps(events: &[Event]) -> Vec<(&'static str, i64)> {
    let kind = |what: &What| match what {
        What::FileVersion(_) => "version",
        What::Summary(_) => "summary",
        What::Session(_) => "start",
    };
    events.iter().map(|event| (kind(event.what.as_ref().unwrap()), event.step)).collect()
}

#[test]
fn the_frame_is_tensorflow_s() {
    // the CRC-32C of 32 zeros is a test vector of RFC 3720
    assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(record::masked(&[0; 32]), 0x8a91_36aa_u32.rotate_right(15).wrapping_add(0xa282_ead8));
    assert_eq!(record::framed(b"ab").len(), 18);
}

#[test]
fn a_training_that_goes_on_starts_where_it_was_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("fold0");
    let lines: Vec<Line> = (0..4).map(line).collect();
    let mut board = Board::start(&folder, &[]).unwrap();
    lines[..3].iter().for_each(|line| board.add(line).unwrap());
    drop(board);
    // the third epoch was lost
    let mut board = Board::start(&folder, &[&lines[0], &lines[1]]).unwrap();
    board.add(&lines[2]).unwrap();
    let told = events(&folder);
    let expected = [
        ("version", 0),
        ("summary", 10),
        ("summary", 20),
        ("summary", 30),
        ("version", 0),
        ("start", 21),
        ("summary", 30),
    ];
    assert_eq!(steps(&told), expected);
    let Some(What::Summary(summary)) = &told[1].what else { panic!("{told:?}") };
    let value = |tag: &str| summary.values.iter().find(|value| value.tag == tag).map(|value| value.simple);
    assert_eq!(
        [value("loss/training"), value("held out/Dice"), value("terms/bce")].map(Option::unwrap),
        [0.25, 0.75, 0.125]
    );
    assert_eq!(value("held out/AUC"), None);
}

#[test]
fn a_first_file_has_the_epochs_before() {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<Line> = (0..2).map(line).collect();
    Board::start(folder.path(), &[&lines[0], &lines[1]]).unwrap();
    assert_eq!(steps(&events(folder.path())), [("version", 0), ("summary", 10), ("summary", 20)]);
}
