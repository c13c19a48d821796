//! Parameters of the step that mints a token. Data only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A JSON Web Token, signed with a generated secret of the description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Jwt {
    /// Name of a secret of the suite. One with a `key` signs with its algorithm, any other one as shared secret (HS256).
    pub key: String,
    /// Variable that gets the token.
    #[serde(rename = "as")]
    pub name: String,
    /// Claims; `iat` and `exp` are added.
    #[serde(default)]
    pub claims: Map<String, Value>,
    /// Further members of the header, such as `kid`; `alg` and `typ` are added.
    #[serde(default)]
    pub header: Map<String, Value>,
    /// Time from `iat` to `exp` (default `5m`).
    #[serde(default = "default_expiry")]
    #[schemars(example = &"5m")]
    pub expires_in: String,
    /// Claims to leave out, such as `exp` or one that the service demands.
    #[serde(default)]
    pub omit: Vec<String>,
    /// What is wrong with the token (default: nothing).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<TokenFault>,
}

fn default_expiry() -> String {
    "5m".into()
}

/// A reason why a service must refuse a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenFault {
    /// The algorithm is `none`, and the signature empty.
    AlgNone,
    /// It expired an hour ago.
    Expired,
    /// It is valid from an hour later.
    NotYetValid,
    /// Another key of the same algorithm signed it.
    WrongKey,
    /// One bit of the signature is wrong.
    GarbledSignature,
    /// The claims were changed after the signature.
    ChangedClaims,
    /// It is signed as HS256 with the public key as shared secret.
    PublicKeyAsSecret,
}
