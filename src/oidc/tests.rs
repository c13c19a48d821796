#![allow(clippy::unwrap_used)]
//! Tokens signed here with P-256; `tests/offline_identity.rs` has RSA tokens of openssl.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

use super::{Claims, Forge, Issuer, Jwks, TokenError, verify};

const NOW: i64 = 1_800_000_000;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

fn jwk(id: &str, key: &SigningKey) -> Value {
    let point = key.verifying_key().to_sec1_point(false);
    let part = |bytes: Option<&[u8]>| URL_SAFE_NO_PAD.encode(bytes.unwrap());
    let (x, y) = (point.x().map(|x| x.as_slice().to_vec()), point.y().map(|y| y.as_slice().to_vec()));
    json!({"kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": part(x.as_deref()), "y": part(y.as_deref())})
}

fn keys() -> Jwks {
    let set = json!({"keys": [jwk("one", &key(1)), jwk("two", &key(2)), {"kty": "oct", "k": "c2VjcmV0"}]});
    Jwks::parse(set.to_string().as_bytes()).unwrap()
}

fn sign(header: &Value, claims: &Value, key: &SigningKey) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature: Signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

fn issuer() -> Issuer {
    let server = "https://git.test/".to_owned();
    Issuer { issuer: "https://git.test/_services/token".into(), forge: Forge::GitHub, server }
}

fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "iss": "https://git.test/_services/token", "aud": "dayfly", "exp": NOW + 300, "nbf": NOW - 300, "iat": NOW - 300,
        "repository": "tsd/file-api", "ref": "refs/pull/9/merge", "sha": "4d1f0c2", "actor": "octo",
    });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    claims
}

fn check(token: &str) -> Result<Claims, TokenError> {
    verify(token, &keys(), &issuer(), "dayfly", Timestamp::from_second(NOW).unwrap())
}

fn with(changes: Value) -> Result<Claims, TokenError> {
    check(&sign(&json!({"alg": "ES256", "kid": "one"}), &claims(changes), &key(1)))
}

#[test]
fn reads_the_job_of_a_valid_token() {
    let read = Claims {
        repository: "https://git.test/tsd/file-api".into(),
        pr: Some(9),
        commit: Some("4d1f0c2".into()),
        actor: Some("octo".into()),
    };
    assert_eq!(with(json!({})), Ok(read.clone()));
    assert_eq!(with(json!({"aud": ["dayfly"]})), Ok(read));
    assert_eq!(with(json!({"ref": "refs/heads/main"})).unwrap().pr, None);
}

#[test]
fn reads_gitlab_tokens() {
    let gitlab = Issuer { issuer: "https://git.test".into(), forge: Forge::GitLab, server: "https://git.test".into() };
    let claims = json!({
        "iss": "https://git.test", "aud": "dayfly", "exp": NOW + 300, "project_path": "group/sub/api",
        "ref_path": "refs/merge-requests/12/head", "sha": "abcdef0", "user_login": "kari", "repository": "other/team",
    });
    let token = sign(&json!({"alg": "ES256", "kid": "two"}), &claims, &key(2));
    let read = verify(&token, &keys(), &gitlab, "dayfly", Timestamp::from_second(NOW).unwrap()).unwrap();
    assert_eq!(read.repository, "https://git.test/group/sub/api");
    assert_eq!((read.pr, read.actor.as_deref()), (Some(12), Some("kari")));
}

#[test]
fn refuses_tokens_for_others_of_others_and_of_other_times() {
    assert_eq!(with(json!({"iss": "https://git.test"})), Err(TokenError::Issuer(issuer().issuer)));
    for audience in [json!("vault"), json!(["dayfly", "vault"]), json!([]), json!(7)] {
        assert_eq!(with(json!({"aud": audience})), Err(TokenError::Audience("dayfly".into())), "{audience}");
    }
    for (from, to) in [(NOW - 900, NOW - 60), (NOW + 61, NOW + 900)] {
        assert!(matches!(with(json!({"nbf": from, "exp": to})), Err(TokenError::Time { .. })), "{from} {to}");
    }
    assert_eq!(with(json!({"repository": null})), Err(TokenError::NoRepository));
}

#[test]
fn refuses_forged_signatures() {
    let forged = TokenError::Signature(issuer().issuer);
    let (header, all) = (json!({"alg": "ES256", "kid": "one"}), claims(json!({})));
    // Signed by another key of the set than the named one, and by a key outside of it.
    assert_eq!(check(&sign(&header, &all, &key(2))), Err(forged.clone()));
    assert_eq!(check(&sign(&json!({"alg": "ES256"}), &all, &key(3))), Err(forged.clone()));
    assert_eq!(check(&sign(&json!({"alg": "ES256", "kid": "three"}), &all, &key(1))), Err(forged.clone()));
    // The key's kind does not fit the algorithm.
    assert_eq!(check(&sign(&json!({"alg": "RS256", "kid": "one"}), &all, &key(1))), Err(forged.clone()));
    let token = sign(&header, &all, &key(1));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (head, _) = signed.split_once('.').unwrap();
    let other = URL_SAFE_NO_PAD.encode(claims(json!({"repository": "other/team"})).to_string());
    assert_eq!(check(&format!("{head}.{other}.{signature}")), Err(forged.clone()));
    assert_eq!(check(&format!("{signed}.")), Err(forged));
    for algorithm in ["none", "None", "HS256", ""] {
        let token = sign(&json!({"alg": algorithm, "kid": "one"}), &all, &key(1));
        assert_eq!(check(&token), Err(TokenError::Algorithm), "{algorithm}");
    }
}

#[test]
fn refuses_malformed_tokens() {
    let long = "a".repeat(17 << 10);
    let extended = sign(&json!({"alg": "ES256", "crit": ["b64"], "b64": false}), &claims(json!({})), &key(1));
    let twice = format!("{}.e30.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","alg":"ES256"}"#));
    for token in ["", ".", "..", "a.b", "é.é.é", "e30.e30.", "e30.e30.e30.e30", &long, &extended, &twice] {
        assert!(matches!(check(token), Err(TokenError::Malformed(_))), "{token}");
    }
}

#[test]
fn refuses_sets_without_a_usable_key() {
    for set in ["", "[]", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"YQ"}]}"#] {
        assert!(Jwks::parse(set.as_bytes()).is_err(), "{set}");
    }
    let mut encryption = jwk("one", &key(1));
    encryption["use"] = json!("enc");
    assert!(Jwks::parse(json!({"keys": [encryption]}).to_string().as_bytes()).is_err());
    let many = vec![jwk("one", &key(1)); 65];
    assert!(Jwks::parse(json!({"keys": many}).to_string().as_bytes()).unwrap_err().contains("more than 64"));
}
