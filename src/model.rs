//! Values that every layer shares. Pure, and below everything else.

mod digest;
mod encodings;
mod environment_name;
mod image;
mod image_ref;
mod keep;
mod pod_security;
mod policy_reference;
mod proof;
mod redact;
mod repository;
mod run_id;
pub mod sanitize;
mod sources;
mod suite_origin;
mod verdict;

pub use digest::{Digest, InvalidDigest, hex, is_hex};
pub use environment_name::{EnvironmentName, EnvironmentScope, InvalidEnvironmentName};
pub use image::ImageFact;
pub use image_ref::{ImageRef, ImageVersion, InvalidImageRef, RegistryImage, registry_host};
pub use keep::Keep;
pub use pod_security::PodSecurity;
pub use policy_reference::PolicyReference;
pub use proof::Proof;
pub use redact::{MIN_SECRET_LENGTH, Redactor};
pub use repository::{Repository, repository_key, without_credentials};
pub use run_id::{InvalidRunId, RunId};
pub use sources::{BuiltFrom, LinkedChange};
pub use suite_origin::{SourceRef, SuiteOrigin, SuiteSource};
pub use verdict::{Outcome, Verdict};
