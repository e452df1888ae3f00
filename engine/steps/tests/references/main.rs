//! The stock steps against the libraries whose arithmetic they follow.

mod clahe;
mod convex_hull;
mod triplet;
