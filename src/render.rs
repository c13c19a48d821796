//! From a plan to what engines understand, as data: requests of a Docker-compatible engine, objects of Kubernetes.
//!
//! Pure: names, labels, who shares which network, addresses, request bodies. It never speaks to an engine,
//! reads no clock and makes nothing random; engines perform what is rendered here.

pub mod archive;
pub mod container;
pub mod kubernetes;
pub mod labels;
#[cfg(test)]
mod sample;
pub mod wires;
