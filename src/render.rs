//! From a plan to the container requests that a Docker-compatible engine understands, as data.
//!
//! Pure: names, labels, who shares which network, addresses, request bodies. It never speaks to an engine,
//! reads no clock and makes nothing random; `engine::local` performs what is rendered here.

pub mod archive;
pub mod container;
pub mod labels;
pub mod wires;
