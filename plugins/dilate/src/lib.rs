//! dilate
