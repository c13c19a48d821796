//! Proves what a requester claims: by the operator's policy, or by an identity token of the CI job.

mod keys;

use jiff::Timestamp;

pub use keys::{KeyFiles, read_key_file};

use crate::model::{Proof, Repository};
use crate::oidc::{self, Claims, TokenError};
use crate::policy::{Policy, TrustedIssuer};

/// What a requester claims about the change under test.
#[derive(Debug, Clone, Copy)]
pub struct Claimed<'a> {
    /// Repository.
    pub repository: Option<&'a str>,
    /// Number of the pull request.
    pub pr: u32,
    /// Head commit.
    pub commit: &'a str,
    /// User who triggered the job.
    pub actor: Option<&'a str>,
}

/// Why an identity token does not prove a claim. Messages complete "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The token proves nothing.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The policy does not list its issuer.
    #[error("accept the identity token: its issuer {issuer} is not among `issuers` of the policy; ask {whom}")]
    UnknownIssuer {
        /// The issuer that the token names.
        issuer: String,
        /// Whom to ask.
        whom: String,
    },
    /// The keys of the issuer cannot be read; they may be later.
    #[error("verify the identity token: the keys of {issuer} cannot be read: {why}")]
    NoKeys {
        /// The issuer.
        issuer: String,
        /// Why.
        why: String,
    },
    /// The token is for something else than the request.
    #[error("accept the identity token: it is for {what} {proven}, and the request is for {claimed}")]
    Differs {
        /// The claim.
        what: &'static str,
        /// Its value in the token.
        proven: String,
        /// Its value in the request.
        claimed: String,
    },
}

/// The proof of the repository by the policy, which assigns repositories to namespaces.
pub fn by_policy(policy: &Policy, namespace: &str, repository: Option<&str>) -> Option<Proof> {
    let reference =
        policy.reference().filter(|_| repository.is_some_and(|r| policy.proven_repository(namespace, r)))?;
    let by = format!("the policy {}, which lets namespace {namespace} speak for it", reference.uri);
    Some(Proof { by, proves: vec!["repository".into()] })
}

/// Verifies an identity token and compares it with the request. The audience of a token for a TestEnvironment ends with
/// `/NAMESPACE`, so that nobody who reads the token there can use it elsewhere.
pub async fn by_token(
    token: &str,
    policy: &Policy,
    namespace: Option<&str>,
    claimed: &Claimed<'_>,
    keys: KeyFiles<'_>,
    now: Timestamp,
) -> Result<Proof, IdentityError> {
    let named = oidc::unverified_issuer(token)?;
    let Some(trusted) = policy.issuers().iter().find(|i| i.issuer == named) else {
        let issuer = named.chars().filter(|c| !c.is_control()).take(200).collect();
        return Err(IdentityError::UnknownIssuer { issuer, whom: policy.contact().to_owned() });
    };
    let set = keys::read(trusted, keys).await;
    let set = set.map_err(|why| IdentityError::NoKeys { issuer: trusted.issuer.clone(), why })?;
    let audience = audience(trusted, namespace);
    let claims = oidc::verify(token, &set, &issuer(trusted), &audience, now)?;
    proves(&claims, claimed, &trusted.issuer)
}

fn audience(trusted: &TrustedIssuer, namespace: Option<&str>) -> String {
    let own = trusted.audience.as_deref().unwrap_or("dayfly");
    namespace.map_or_else(|| own.to_owned(), |namespace| format!("{own}/{namespace}"))
}

fn issuer(trusted: &TrustedIssuer) -> oidc::Issuer {
    oidc::Issuer { issuer: trusted.issuer.clone(), forge: trusted.forge, server: trusted.server.clone() }
}

/// A token of another repository or pull request is an error. Its commit may be a merge commit of the forge, and its user
/// another one than the actor of the request: then these stay declared.
fn proves(claims: &Claims, claimed: &Claimed<'_>, issuer: &str) -> Result<Proof, IdentityError> {
    let differs = |what, proven: String, claimed: String| Err(IdentityError::Differs { what, proven, claimed });
    let proven = Repository::parse(&claims.repository);
    let of_request = claimed.repository.and_then(Repository::parse);
    if !proven.zip(of_request).is_some_and(|(proven, claimed)| proven.allows(&claimed)) {
        let claimed = claimed.repository.unwrap_or("none").to_owned();
        return differs("repository", claims.repository.clone(), claimed);
    }
    let mut proves = vec!["repository".to_owned()];
    match claims.pr {
        Some(pr) if pr != claimed.pr => return differs("pull request", pr.to_string(), claimed.pr.to_string()),
        Some(_) => proves.push("pull request".into()),
        None => {}
    }
    if claims.commit.as_deref() == Some(claimed.commit) {
        proves.push("commit".into());
    }
    if claims.actor.is_some() && claims.actor.as_deref() == claimed.actor {
        proves.push("actor".into());
    }
    Ok(Proof { by: format!("an identity token of {issuer}"), proves })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn claims() -> Claims {
        Claims {
            repository: "https://git.test/team/shop".into(),
            pr: Some(7),
            commit: Some("4d1f0c2".into()),
            actor: Some("octo".into()),
        }
    }

    const CLAIMED: Claimed<'_> =
        Claimed { repository: Some("https://git.test/team/shop"), pr: 7, commit: "4d1f0c2", actor: Some("octo") };

    #[test]
    fn proves_what_token_and_request_agree_on() {
        let all = proves(&claims(), &CLAIMED, "https://git.test").unwrap();
        assert_eq!(all.proves, ["repository", "pull request", "commit", "actor"]);
        assert_eq!(all.by, "an identity token of https://git.test");
        let merge = Claims { commit: Some("aaaaaaa".into()), actor: None, ..claims() };
        assert_eq!(proves(&merge, &CLAIMED, "i").unwrap().proves, ["repository", "pull request"]);
        let branch = Claims { pr: None, ..claims() };
        assert_eq!(proves(&branch, &CLAIMED, "i").unwrap().proves, ["repository", "commit", "actor"]);
    }

    #[test]
    fn refuses_a_token_of_another_repository_or_pull_request() {
        for repository in
            [Some("https://git.test/team/other"), Some("https://other.test/team/shop"), Some("team/shop"), None]
        {
            let claimed = Claimed { repository, ..CLAIMED };
            let refused = proves(&claims(), &claimed, "i").unwrap_err();
            assert!(matches!(refused, IdentityError::Differs { what: "repository", .. }), "{refused}");
        }
        let refused = proves(&claims(), &Claimed { pr: 8, ..CLAIMED }, "i").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "accept the identity token: it is for pull request 7, and the request is for 8"
        );
    }
}
