//! Verifies a token: a JSON Web Signature in compact form (RFC 7515, RFC 7519). Pure.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;

use super::claims::{Claims, Forge, RawClaims};
use super::jwks::{Algorithm, Jwks};

/// Longest token, in bytes.
const LONGEST: usize = 16 << 10;
/// Tolerated difference between the clocks of the issuer and of this machine, in seconds.
const CLOCK_SKEW: i64 = 60;

/// Whose tokens are accepted, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The claim `iss`, exactly.
    pub issuer: String,
    /// The system.
    pub forge: Forge,
    /// URL of the system, before the path of a repository.
    pub server: String,
}

/// Why a token proves nothing. Messages complete "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is malformed.
    #[error("read the identity token: {0}")]
    Malformed(
        /// Why.
        &'static str,
    ),
    /// The token's algorithm is not accepted.
    #[error("verify the identity token: its algorithm is neither RS256 nor ES256")]
    Algorithm,
    /// No key of the issuer signed it.
    #[error("verify the identity token: no key of {0} signed it")]
    Signature(
        /// The issuer.
        String,
    ),
    /// Another issuer.
    #[error("accept the identity token: its issuer is not {0}")]
    Issuer(
        /// The expected issuer.
        String,
    ),
    /// Issued for another recipient.
    #[error("accept the identity token: its audience is not exactly {0}")]
    Audience(
        /// The expected audience.
        String,
    ),
    /// It has expired, or is not valid yet.
    #[error("accept the identity token: it is not valid now ({from} to {to})")]
    Time {
        /// When it becomes valid.
        from: String,
        /// When it expires.
        to: String,
    },
    /// A necessary claim is missing.
    #[error("accept the identity token: it names no repository")]
    NoRepository,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that a reader must understand; none is understood here.
    crit: Option<serde_json::Value>,
}

/// The issuer that a token names. Nothing is verified: it only says whose keys to verify with.
pub fn unverified_issuer(token: &str) -> Result<String, TokenError> {
    #[derive(Deserialize)]
    struct Named {
        iss: String,
    }
    let malformed = TokenError::Malformed;
    let token = token.trim();
    if token.len() > LONGEST {
        return Err(malformed("it is longer than 16 KiB"));
    }
    let mut parts = token.split('.');
    let claims = parts.nth(1).ok_or(malformed("it is not three parts with dots between"))?;
    let bytes = URL_SAFE_NO_PAD.decode(claims).map_err(|_| malformed("a part of it is not base64url"))?;
    parse::<Named>(&bytes).map(|named| named.iss)
}

/// Verifies the signature first, and then issuer, audience and time; returns what the token says.
pub fn verify(token: &str, keys: &Jwks, issuer: &Issuer, audience: &str, now: Timestamp) -> Result<Claims, TokenError> {
    let malformed = TokenError::Malformed;
    let token = token.trim();
    if token.len() > LONGEST {
        return Err(malformed("it is longer than 16 KiB"));
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(malformed("it is not three parts with dots between"))?;
    let (header, claims) = signed.split_once('.').ok_or(malformed("it is not three parts with dots between"))?;
    let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed("a part of it is not base64url"));
    let header: Header = parse(&bytes(header)?)?;
    if header.crit.is_some() {
        return Err(malformed("its header requires extensions"));
    }
    let algorithm = match header.alg.as_str() {
        "RS256" => Algorithm::Rs256,
        "ES256" => Algorithm::Es256,
        _ => return Err(TokenError::Algorithm),
    };
    if !keys.verifies(header.kid.as_deref(), algorithm, signed.as_bytes(), &bytes(signature)?) {
        return Err(TokenError::Signature(issuer.issuer.clone()));
    }
    let claims: RawClaims = parse(&bytes(claims)?)?;
    if claims.iss != issuer.issuer {
        return Err(TokenError::Issuer(issuer.issuer.clone()));
    }
    if !claims.is_for(audience) {
        return Err(TokenError::Audience(audience.to_owned()));
    }
    let (from, seconds) = (claims.nbf.or(claims.iat).unwrap_or_default(), now.as_second());
    if seconds < from.saturating_sub(CLOCK_SKEW) || seconds >= claims.exp.saturating_add(CLOCK_SKEW) {
        return Err(TokenError::Time { from: shown(from), to: shown(claims.exp) });
    }
    claims.read(issuer.forge, &issuer.server).ok_or(TokenError::NoRepository)
}

fn parse<T: for<'de> Deserialize<'de>>(json: &[u8]) -> Result<T, TokenError> {
    serde_json::from_slice(json).map_err(|_| TokenError::Malformed("a part of it is not the expected JSON"))
}

fn shown(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(|_| "out of range".into(), |t| t.to_string())
}
