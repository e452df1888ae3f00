//! clahe
