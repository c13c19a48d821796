//! Failures to resolve an image, with advice.

use crate::web::WebError;

/// A registry did not resolve an image. Messages follow the image's reference.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It has no such image.
    #[error("the registry does not have it: check name and tag ({0})")]
    NotFound(
        /// Server and its message.
        String,
    ),
    /// It asks for credentials, or does not accept those it got.
    #[error("{} ({detail})", refusal(*.with_credentials))]
    Refused {
        /// True if the pull secret has credentials for it.
        with_credentials: bool,
        /// Server and its message.
        detail: String,
    },
    /// The network, TLS, or no answer in time: from inside a cluster it may be reachable.
    #[error("its registry cannot be reached from here ({0})")]
    Unreachable(
        /// Which server, and why.
        String,
    ),
    /// Any other failure; running the image by its tag would hide it.
    #[error("{0}")]
    Other(
        /// A sentence that says what to do.
        String,
    ),
}

impl From<WebError> for RegistryError {
    fn from(e: WebError) -> Self {
        match e {
            WebError::Unreachable(why) => Self::Unreachable(why),
            WebError::Other(why) => Self::Other(why),
        }
    }
}

fn refusal(with_credentials: bool) -> &'static str {
    if with_credentials {
        "the registry refuses it with the credentials of the pull secret: check them, and the name"
    } else {
        "the registry refuses it: give credentials with --pull-secret, or check the name"
    }
}
