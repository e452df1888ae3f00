//! The texts of a crate's errors in one place, for review.

use std::error::Error;
use std::fmt::Write as _;

/// A line for each error and each of its causes.
#[derive(Default)]
pub struct Texts(String);

impl Texts {
    /// # Panics
    /// If a message contains its cause's text, which would then be printed twice.
    pub fn add(&mut self, enumeration: &str, variant: &str, error: &dyn Error) {
        let mut words = error.to_string();
        let _ = writeln!(self.0, "{enumeration}::{variant}\n    {}", words.replace('\n', "\n    "));
        let mut next = error.source();
        while let Some(cause) = next {
            let own = cause.to_string();
            assert!(!words.contains(&own), "{enumeration}::{variant} repeats its cause: `{words}`, `{own}`");
            let _ = writeln!(self.0, "    because: {}", own.replace('\n', "\n    "));
            (words, next) = (own, cause.source());
        }
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Adds values of an error, at least one for each variant: a missing variant does not compile.
macro_rules! add {
    ($texts:expr, $error:ident { $($variant:ident $fields:tt),+ $(,)? }) => {{
        #[allow(unreachable_patterns, reason = "a variant with several texts has several lines")]
        fn _every_variant_has_a_line(error: &$error) {
            match error {
                $($error::$variant { .. } => (),)+
            }
        }
        $($texts.add(stringify!($error), stringify!($variant), &$error::$variant $fields);)+
    }};
}
