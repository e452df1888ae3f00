//! triplet
