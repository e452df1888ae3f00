//! min-area
