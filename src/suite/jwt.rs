//! The `jwt` step: mints a token with a generated secret, right or with one fault.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::step_result::StepResult;
use crate::lifecycle::session::Session;
use crate::secrets::{KeyPair, shared_signature};
use crate::spec::model::{Jwt, KeyAlgorithm, TokenFault};
use crate::spec::quantity;

/// How far the times of a token with a wrong time lie in the past or future, in seconds: no service tolerates so much.
const FAR: i64 = 3600;

/// What signs tokens.
enum Signer {
    Shared(Vec<u8>),
    Pair(KeyAlgorithm, KeyPair),
}

impl Signer {
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Shared(_) => "HS256",
            Self::Pair(algorithm, _) => algorithm.name(),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::Shared(secret) => Ok(shared_signature(secret, message)),
            Self::Pair(_, key) => key.sign(message).map_err(|e| format!("failed to {e}")),
        }
    }

    /// Another key of the same kind.
    fn other(&self) -> Result<Self, String> {
        match self {
            Self::Shared(secret) => Ok(Self::Shared(secret.iter().rev().map(|byte| byte ^ 1).collect())),
            Self::Pair(algorithm, _) => {
                let key = KeyPair::generate(*algorithm).map_err(|e| format!("failed to {e}"))?;
                Ok(Self::Pair(*algorithm, key))
            }
        }
    }
}

/// Mints the token; it is the value of the step's variable.
pub(super) async fn perform(session: &Session, step: &Jwt) -> StepResult {
    let expected = "a token to be signed";
    let Some(value) = session.secrets.values.get(&step.key).cloned() else {
        return StepResult::inconclusive(expected, format!("the environment has no secret `{}`", step.key));
    };
    let algorithm = session.lease.plan.keys.get(&step.key).copied();
    let (step, now) = (step.clone(), jiff::Timestamp::now().as_second());
    // An RSA key takes long to read, and longer to generate.
    let minted =
        tokio::task::spawn_blocking(move || mint(&step, algorithm, &value, now).map(|token| (step.name, token)));
    match minted.await {
        Ok(Ok((name, token))) => {
            let saw = format!("a token of {} bytes", token.len());
            StepResult { captured: BTreeMap::from([(name, token)]), ..StepResult::passed(saw) }
        }
        Ok(Err(why)) => StepResult::inconclusive(expected, why),
        Err(_) => StepResult::inconclusive(expected, "signing it panicked"),
    }
}

/// The token at the time `now`, in seconds. `value` is the secret: a private key in PEM if there is an algorithm, else any text.
fn mint(step: &Jwt, algorithm: Option<KeyAlgorithm>, value: &str, now: i64) -> Result<String, String> {
    let signer = match algorithm {
        None => Signer::Shared(value.as_bytes().to_vec()),
        Some(algorithm) => {
            let key = KeyPair::from_pem(algorithm, value).ok_or_else(|| format!("`{}` is not its key", step.key))?;
            Signer::Pair(algorithm, key)
        }
    };
    let signer = match (step.fault, &signer) {
        (Some(TokenFault::WrongKey), _) => signer.other()?,
        (Some(TokenFault::PublicKeyAsSecret), Signer::Pair(_, key)) => {
            Signer::Shared(key.public_pem().map_err(|e| format!("failed to {e}"))?.into_bytes())
        }
        _ => signer,
    };
    let algorithm = if step.fault == Some(TokenFault::AlgNone) { "none" } else { signer.algorithm() };
    let mut header = Map::from_iter([("alg".to_owned(), json!(algorithm)), ("typ".to_owned(), json!("JWT"))]);
    header.extend(step.header.clone());
    let claims = claims(step, now)?;
    let signed = format!("{}.{}", coded(&header), coded(&claims));
    let mut signature = match step.fault {
        Some(TokenFault::AlgNone) => vec![],
        _ => signer.sign(signed.as_bytes())?,
    };
    match step.fault {
        // Not the last byte: its text also holds bits that count for nothing.
        Some(TokenFault::GarbledSignature) => signature.iter_mut().take(1).for_each(|byte| *byte ^= 1),
        Some(TokenFault::ChangedClaims) => {
            let mut claims = claims;
            claims.insert("dayfly".into(), json!("changed"));
            return Ok(format!("{}.{}.{}", coded(&header), coded(&claims), URL_SAFE_NO_PAD.encode(signature)));
        }
        _ => {}
    }
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn claims(step: &Jwt, now: i64) -> Result<Map<String, Value>, String> {
    let life = quantity::duration_ms(&step.expires_in, quantity::LONGEST_LIMIT_MS)?.div_ceil(1000);
    let life = i64::try_from(life).unwrap_or(i64::MAX);
    let mut claims = Map::from_iter([("iat".to_owned(), json!(now)), ("exp".to_owned(), json!(now + life))]);
    claims.extend(step.claims.clone());
    match step.fault {
        Some(TokenFault::Expired) => {
            claims.extend([("iat".to_owned(), json!(now - FAR - life)), ("exp".to_owned(), json!(now - FAR))])
        }
        Some(TokenFault::NotYetValid) => {
            claims.extend([("nbf".to_owned(), json!(now + FAR)), ("exp".to_owned(), json!(now + FAR + life))])
        }
        _ => {}
    }
    step.omit.iter().for_each(|name| drop(claims.remove(name)));
    Ok(claims)
}

fn coded(part: &Map<String, Value>) -> String {
    URL_SAFE_NO_PAD.encode(Value::Object(part.clone()).to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn minted(more: Value, algorithm: Option<KeyAlgorithm>, value: &str) -> String {
        let mut step = json!({ "key": "login", "as": "token", "claims": { "sub": "alice" } });
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        mint(&serde_json::from_value(step).unwrap(), algorithm, value, NOW).unwrap()
    }

    fn parts(token: &str) -> (Value, Value, Vec<u8>) {
        let parts: Vec<Vec<u8>> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        let json = |part: &[u8]| serde_json::from_slice(part).unwrap();
        (json(&parts[0]), json(&parts[1]), parts[2].clone())
    }

    #[test]
    fn a_token_has_times_and_the_claims_of_the_step() {
        let token = minted(json!({ "header": { "kid": "one" }, "expiresIn": "90s" }), None, "secret");
        let (header, claims, signature) = parts(&token);
        assert_eq!(header, json!({ "alg": "HS256", "typ": "JWT", "kid": "one" }));
        assert_eq!(claims, json!({ "sub": "alice", "iat": NOW, "exp": NOW + 90 }));
        let signed = token.rsplit_once('.').unwrap().0;
        assert_eq!(signature, shared_signature(b"secret", signed.as_bytes()));
        let (_, claims, _) = parts(&minted(json!({ "claims": { "exp": 7 }, "omit": ["iat"] }), None, "secret"));
        assert_eq!(claims, json!({ "exp": 7 }));
    }

    #[test]
    fn every_fault_differs_from_the_right_token_in_one_way() {
        let pem = KeyPair::generate(KeyAlgorithm::Es256).unwrap();
        let (private, public) = (pem.private_pem().unwrap(), pem.public_pem().unwrap());
        let minted = |fault: &str| minted(json!({ "fault": fault }), Some(KeyAlgorithm::Es256), &private);
        let verifies = |token: &str| {
            use p256::ecdsa::signature::Verifier;
            use pkcs8::spki::DecodePublicKey;
            let key = p256::ecdsa::VerifyingKey::from_public_key_pem(&public).unwrap();
            let signature = p256::ecdsa::Signature::from_slice(&parts(token).2);
            signature.is_ok_and(|s| key.verify(token.rsplit_once('.').unwrap().0.as_bytes(), &s).is_ok())
        };
        for (fault, valid) in [
            ("expired", true),
            ("not-yet-valid", true),
            ("wrong-key", false),
            ("garbled-signature", false),
            ("changed-claims", false),
        ] {
            let token = minted(fault);
            assert_eq!((verifies(&token), parts(&token).0["alg"].as_str()), (valid, Some("ES256")), "{fault}");
        }
        assert!(parts(&minted("expired")).1["exp"].as_i64().unwrap() < NOW);
        assert!(parts(&minted("not-yet-valid")).1["nbf"].as_i64().unwrap() > NOW);
        let none = minted("alg-none");
        assert!(none.ends_with('.') && parts(&none).0["alg"] == "none");
        let confused = minted("public-key-as-secret");
        let signed = confused.rsplit_once('.').unwrap().0;
        assert_eq!(parts(&confused).2, shared_signature(public.as_bytes(), signed.as_bytes()));
        assert_eq!(parts(&confused).0["alg"], "HS256");
    }
}
