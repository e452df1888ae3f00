//! ONNX models as messages: reading graphs for `check`, and writing them.
