//! Pages as text. What they look like, and what their script does, is for `tests/report.rs`.
