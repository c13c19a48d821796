//! Tells people on a forge what verified evidence shows: one comment on the pull request, which is replaced by the next, and a status
//! of the commit.
//!
//! `forge` knows the addresses and bodies of each forge (pure), `client` sends them, and `content` words a verified run. A token of the
//! forge never meets code of the change: this belongs into a job that runs nothing but dayfly.

pub mod client;
pub mod content;
pub mod forge;

pub use client::{Client, PublishError};
pub use content::{CommitStatus, Content};
pub use forge::ForgeKind;
