//! The append-only log: a Merkle tree of entries in tiles, with signed checkpoints, in the formats of C2SP
//! (`tlog-tiles`, `tlog-checkpoint`, `signed-note`, `tlog-proof`), in a folder and without a server.
//!
//! `note`, `checkpoint`, `bundle` and `proof` are formats (pure), `tree` computes hashes and proofs, `folder` stores, `log` appends,
//! `view` reads and checks, and `witness` signs what others than the log's holder saw. Entries are bytes: what they stand for is the business of `evidence`.

pub mod bundle;
pub mod checkpoint;
mod error;
mod folder;
pub mod log;
pub mod note;
pub mod proof;
mod state;
mod tree;
pub mod view;
pub mod witness;

pub use checkpoint::Checkpoint;
pub use error::LogError;
pub use log::Log;
pub use note::{LogKey, LogSigner};
pub use proof::Proof;
pub use view::View;
pub use witness::Witnessed;

/// Most entries of a log: far more than anyone writes, and few enough that no sum of sizes overflows.
pub const MAX_SIZE: u64 = 1 << 40;
/// Longest entry in bytes: bundles have 16 bits for a length.
pub const MAX_ENTRY: usize = u16::MAX as usize;
/// Most entries that are appended at once.
pub const MAX_BATCH: usize = 4096;
