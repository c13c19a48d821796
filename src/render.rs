//! Renders a plan as data: container requests for a Docker-compatible engine, or Kubernetes objects. Pure.
//!
//! Names, labels, networks, addresses and request bodies are decided here. Engines send them.

pub mod archive;
pub mod container;
pub mod kubernetes;
pub mod labels;
pub mod links;
#[cfg(test)]
mod sample;
