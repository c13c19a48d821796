//! Checks steps that mint tokens.

use std::collections::BTreeMap;

use super::capture::captures;
use super::context::Checker;
use crate::spec::model::{Jwt, TokenFault};
use crate::spec::span::FieldPath;

pub(super) fn check(check: &mut Checker<'_>, at: &FieldPath, given: &[String], jwt: &Jwt) {
    let at = at.key("jwt");
    check.duration(&at.key("expiresIn"), &jwt.expires_in);
    captures(check, &at.key("as"), &BTreeMap::from([(jwt.name.clone(), "$".to_owned())]), &[], false);
    let needed = match jwt.fault {
        Some(TokenFault::Expired) => Some("exp"),
        Some(TokenFault::NotYetValid) => Some("nbf"),
        _ => None,
    };
    if let Some(i) = needed.and_then(|claim| jwt.omit.iter().position(|omitted| omitted == claim)) {
        let message = format!("`{}` is what is wrong with the token, and cannot be left out", jwt.omit[i]);
        check.diagnostics.add(&at.key("omit").index(i), message, "remove it, or the `fault`");
    }
    let Some(secret) = check.environment.secrets.get(&jwt.key) else {
        let message = format!("there is no secret `{}` under `secrets`", jwt.key);
        let known: Vec<&str> = check.environment.secrets.keys().map(String::as_str).collect();
        return check.diagnostics.add_unknown(&at.key("key"), message, &jwt.key, known);
    };
    if !given.contains(&jwt.key) {
        let message = format!("the suite does not receive the secret `{}`", jwt.key);
        check.diagnostics.add(&at.key("key"), message, format!("add `{}` to its `secrets`", jwt.key));
    }
    if jwt.fault == Some(TokenFault::PublicKeyAsSecret) && secret.key.is_none() {
        let message = format!("`{}` is a shared secret, and has no public key", jwt.key);
        check.diagnostics.add(&at.key("fault"), message, "use a secret with a `key`, such as `{ key: RS256 }`");
    }
    if jwt.header.contains_key("alg") {
        let help = "remove it: the algorithm follows from the secret, or from the `fault`";
        check.diagnostics.add(&at.key("header").key("alg"), "a token names the algorithm that signed it", help);
    }
}
