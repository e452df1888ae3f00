//! Every text of this crate's errors, in one snapshot.

use crate::texts::Texts;
use crate::{ElementType, OnnxError, TensorError};

#[test]
fn every_error_has_its_text() {
    let mut texts = Texts::default();
    let gone = || std::io::Error::from_raw_os_error(2);
    add!(texts, OnnxError {
        Read { path: "a.onnx".into(), source: gone() },
        NotOnnx { path: "a.onnx".into(), reason: "it has no graph".into() },
        External { path: "a.onnx".into(), reason: "cannot read `a.onnx.data`: No such file or directory".into() },
        Write { path: "a.onnx".into(), source: gone() },
    });
    let name = || "conv1.weight".to_owned();
    add!(texts, TensorError {
        External { name: name() },
        NotFloat { name: name(), element: ElementType::Int64 },
        Count { name: name(), shape: vec![2, 3], found: 5 },
        Torn { name: name(), element: ElementType::Float, bytes: 7 },
        Unknown { name: name() },
    });
    insta::assert_snapshot!("errors", texts.text());
}
