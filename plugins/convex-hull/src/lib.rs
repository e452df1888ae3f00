//! `convex-hull`: makes a mask convex by filling the hull of its pixels.
//!
//! The step itself is [`pleura_steps::convex_hull`]; this library exports it as a plugin.

pleura_plugin::export!(postprocess: pleura_steps::ConvexHull);
