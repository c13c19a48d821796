//! Identity tokens of CI jobs: a forge signs which repository and pull request a job belongs to (OpenID Connect). Pure.
//!
//! The signature is checked with `ring`, which TLS uses too. The libraries for JSON Web Tokens bring a second TLS provider,
//! or an RSA implementation with an open advisory about its timing.

mod claims;
mod jwks;
mod token;

pub use claims::{Claims, Forge};
pub use jwks::Jwks;
pub use token::{Issuer, TokenError, unverified_issuer, verify};

#[cfg(test)]
mod tests;
