//! Errors with their causes, as one line.

use std::error::Error;

/// An error with its causes, outermost first. A cause that its parent's message already contains is not repeated, nor
/// is the name of the file that both name; temporary files are not named at all.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        // some messages of ONNX Runtime end in a line break
        let words = cause.to_string();
        let words = without_place(without_temporary(words.trim_end()));
        let words = match subject(words) {
            Some((name, rest)) if text.contains(name) => rest,
            _ => words,
        };
        if !text.ends_with(words) {
            text.push_str(": ");
            text.push_str(words);
        }
        next = cause.source();
    }
    text
}

/// A message split into its subject in backticks and the rest.
fn subject(message: &str) -> Option<(&str, &str)> {
    let end = message.strip_prefix('`')?.find("`: ")? + 2;
    Some((&message[..end], &message[end + 2..]))
}

/// ONNX Runtime's message without the position in its own source:
/// `Load model from X failed:/onnxruntime_src/…/model.cc:166 onnxruntime::Model::Model(…) No graph was found`.
fn without_place(cause: &str) -> &str {
    let Some((_, place)) = cause.split_once("/onnxruntime_src/") else { return cause };
    // a function's signature may hold blanks, and ends with its arguments
    place.split_once(") ").map_or(cause, |(_, words)| words)
}

/// A system error without the name of a temporary file, which the user does not know and which is gone.
fn without_temporary(cause: &str) -> &str {
    cause.split_once(" at path \"").map_or(cause, |(cause, _)| cause)
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Words(&'static str, Option<Box<dyn Error + 'static>>);

    impl fmt::Display for Words {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Words {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref()
        }
    }

    #[test]
    fn causes_and_names_come_once() {
        let two = |outer, inner| chain(&Words(outer, Some(Box::new(Words(inner, None)))));
        for (outer, inner, expected) in [
            ("cannot read `a b.png`", "`a b.png`: it is empty", "cannot read `a b.png`: it is empty"),
            ("cannot read `a.png`", "`b.png`: it is empty", "cannot read `a.png`: `b.png`: it is empty"),
            ("`a.png`: it is empty", "it is empty", "`a.png`: it is empty"),
            ("cannot load model `m.onnx`", "no such operator\n", "cannot load model `m.onnx`: no such operator"),
            (
                "cannot load model `m.onnx`",
                "Load model from m.onnx failed:/onnxruntime_src/onnxruntime/core/graph/model.cc:166 \
                 onnxruntime::Model::Model(onnx::ModelProto&&, const PathString&) No graph was found in the protobuf.",
                "cannot load model `m.onnx`: No graph was found in the protobuf.",
            ),
        ] {
            assert_eq!(two(outer, inner), expected);
        }
    }

    #[test]
    fn temporary_files_are_not_named() {
        let nowhere = tempfile::Builder::new().tempfile_in("no/such/folder").unwrap_err();
        assert!(nowhere.to_string().contains(".tmp"), "{nowhere}");
        let text = chain(&Words("cannot write `x`", Some(Box::new(nowhere))));
        assert!(text.starts_with("cannot write `x`: ") && !text.contains(".tmp"), "{text}");
    }
}
