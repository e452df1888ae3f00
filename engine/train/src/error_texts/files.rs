//! Files that a training writes and reads.

use pleura::checksum::ChecksumError;
use pleura::submission::SubmissionError;

use super::gone;
use crate::checkpoint::CheckpointError;
use crate::files::WriteError;
use crate::journal::JournalError;
use crate::out_of_fold::OutOfFoldError;
use crate::texts::Texts;

pub fn add(texts: &mut Texts) {
    let path = || "training.ckpt".into();
    add!(texts, CheckpointError {
        Write { path: path(), source: gone() },
        Tensor { path: path(), name: "conv1.weight".into(), why: "holds NaN".into() },
        State { path: path() },
        Read { path: path(), source: gone() },
        Damaged { path: path(), why: "its checksum does not match its contents".into() },
        Version { path: path(), why: "its format is 9, expected 3".into() },
        Network { path: path(), differences: "`conv1.weight` has shape [8], expected [16]".into() },
        Recipe { path: path(), differences: "`lr` was 0.1, is 0.2".into() },
        Data { path: path() },
        Fold { path: path(), found: 0, expected: 1 },
    });
    let journal = || "metrics.jsonl".into();
    add!(texts, JournalError {
        Read { path: journal(), source: gone() },
        Damaged { path: journal(), line: 3, source: ChecksumError::Mismatch },
        Line { path: journal(), line: 3, source: serde_json::from_str::<u8>("{").unwrap_err() },
        Write(WriteError { path: journal(), source: gone() }),
    });
    let csv = || "oof.csv".into();
    add!(texts, OutOfFoldError {
        Twice { id: "a".into(), first: 0, second: 1 },
        EmptyId {},
        Read { path: csv(), source: gone().into() },
        Row { path: csv(), id: "a".into(), what: "has a score of 2, expected 0 to 1".into() },
        NoMask { path: "oof-submission.csv".into(), id: "a".into() },
        Submission(SubmissionError::EmptyId),
        Write(WriteError { path: csv(), source: gone() }),
    });
}
