//! `convex-hull`: makes a mask convex, by marking all that lies between its pixels.
//!
//! The step itself is [`pleura_steps::convex_hull`]; this library hands it to programs that load plugins.

pleura_plugin::export!(postprocess: pleura_steps::ConvexHull);
