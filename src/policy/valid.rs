//! A valid policy, and the limits of a subject.

use std::path::Path;

use super::limits::Limits;
use super::model::{self, PolicyDocument};
use super::patterns::namespace_matches;
use super::{schema, validate};
use crate::file::read_regular;
use crate::model::{Digest, PolicyReference, Repository};
use crate::spec::diagnostic::Diagnostics;
use crate::spec::document::{self, SourceText};
use crate::spec::kind::POLICY;
use crate::spec::yaml::MAX_BYTES;

/// A valid policy, or dayfly's built-in limits.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(super) document: PolicyDocument,
    /// Its text and name; none for the built-in limits.
    origin: Option<Origin>,
}

#[derive(Debug, Clone)]
struct Origin {
    reference: PolicyReference,
    source: SourceText,
}

/// The party that a policy is applied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A command of a CI job or a user, which says truthfully for which repository it works.
    Command {
        /// Repository, where known.
        repository: Option<String>,
    },
    /// A TestEnvironment.
    Requester {
        /// Its namespace.
        namespace: String,
        /// Its repository, if that is proven: a mere claim must not buy anything.
        repository: Option<String>,
    },
}

/// Reads and checks a policy file.
pub fn load(path: &Path) -> Result<Policy, Diagnostics> {
    load_text(path).map(|(policy, _)| policy)
}

/// Reads and checks a policy file; returns its text, too.
pub fn load_text(path: &Path) -> Result<(Policy, String), Diagnostics> {
    let bytes = read_regular(path, MAX_BYTES as u64).map_err(|e| {
        let why = if e.kind() == std::io::ErrorKind::NotFound { "no such file".to_owned() } else { e.to_string() };
        let message = format!("the policy cannot be read: {why}");
        Diagnostics::whole_file(path, message, "name a regular file with `kind: Policy`")
    })?;
    let policy = Policy::parse(path, &bytes)?;
    // A valid policy is UTF-8.
    Ok((policy, String::from_utf8_lossy(&bytes).into_owned()))
}

impl Policy {
    /// The limits that hold without a policy.
    pub fn built_in() -> Self {
        Self { document: PolicyDocument::empty(), origin: None }
    }

    /// Parses and checks the bytes of a policy; `name` is its file, or the URI that stands for it.
    pub fn parse(name: &Path, bytes: &[u8]) -> Result<Self, Diagnostics> {
        let (root, mut diagnostics, text) = document::tree(&POLICY, name, bytes)?;
        let document = document::typed::<PolicyDocument>(&POLICY, &schema::schema(), &root, &mut diagnostics);
        if let Some(document) = &document {
            validate::check(document, &mut diagnostics);
        }
        match document {
            Some(document) if diagnostics.list.is_empty() => {
                let uri = name.display().to_string();
                let reference = PolicyReference { uri, digest: Digest::compute(bytes).hex() };
                let source = SourceText { text, spans: diagnostics.spans };
                Ok(Self { document, origin: Some(Origin { reference, source }) })
            }
            _ => {
                let all = Diagnostics::new(name, &text, diagnostics.list, diagnostics.omitted);
                // The list alone must not read as errors of the description.
                Err(all.in_file(&name.display().to_string()))
            }
        }
    }

    /// Name and digest of the policy; none for the built-in limits.
    pub fn reference(&self) -> Option<&PolicyReference> {
        self.origin.as_ref().map(|o| &o.reference)
    }

    /// Forges whose identity tokens are believed.
    pub fn issuers(&self) -> &[model::TrustedIssuer] {
        &self.document.issuers
    }

    /// Whom to ask for more.
    pub fn contact(&self) -> &str {
        self.document.contact.as_deref().unwrap_or("the operator of this installation")
    }

    /// Number of rules.
    pub fn rules(&self) -> usize {
        self.document.rules.len()
    }

    /// The limits of a subject: those of the first rule that matches; what it leaves out comes from `default`, and from the
    /// built-in limits after that.
    pub fn limits(&self, subject: &Subject) -> Limits {
        let rule = self.document.rules.iter().position(|r| self.matches(r, subject));
        Limits::new(&self.document, rule, self.origin.as_ref().map(|o| &o.source))
    }

    /// Returns true if the policy proves that a namespace may speak for a repository.
    pub fn proven_repository(&self, namespace: &str, repository: &str) -> bool {
        let Some(claimed) = Repository::parse(repository) else { return false };
        let proof = self.document.namespaces.get(namespace);
        proof.is_some_and(|proof| allows(&proof.repositories, &claimed))
    }

    fn matches(&self, rule: &model::Rule, subject: &Subject) -> bool {
        let (namespace, repository) = match subject {
            Subject::Command { repository } => (None, repository.as_deref()),
            Subject::Requester { namespace, repository } => (Some(namespace.as_str()), repository.as_deref()),
        };
        let in_namespace = || namespace.is_some_and(|n| rule.namespaces.iter().any(|p| namespace_matches(p, n)));
        let of_repository = || repository.and_then(Repository::parse).is_some_and(|r| allows(&rule.repositories, &r));
        (rule.namespaces.is_empty() || in_namespace()) && (rule.repositories.is_empty() || of_repository())
    }
}

fn allows(patterns: &[String], repository: &Repository) -> bool {
    patterns.iter().filter_map(|p| Repository::parse(p)).any(|p| p.allows(repository))
}
