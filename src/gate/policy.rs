//! The policy of the gate: parsed, with every key that it names. Reads only through the function that it is given.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use self::document::{GatePolicyDocument, ID, Required};
use super::rule::Rule;
use crate::evidence::VerifyingKey;
use crate::evidence::verify::Requirements;
use crate::model::{Digest, Repository};
use crate::spec::diagnostic::{DiagnosticSink, Diagnostics};
use crate::spec::document as yaml;
use crate::spec::kind::GATE_POLICY;
use crate::spec::quantity::duration_ms;
use crate::spec::span::FieldPath;
use crate::tlog::LogKey;
use crate::tlog::note::KeyUse;

mod document;

pub use crate::spec::moment::{End, moment};

/// Longest age that a policy can allow: ten years.
const LONGEST_MS: u64 = 3650 * 24 * 60 * 60 * 1000;

/// A policy that can be used.
#[derive(Debug, Clone)]
pub struct GatePolicy {
    /// Its file, as the user named it.
    pub file: String,
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// Keys of runs.
    pub keys: Vec<VerifyingKey>,
    /// The log that must have every run.
    pub log: Option<LogTrust>,
    /// Requirements on a run, each with its rule; a rule may have several.
    pub requirements: Vec<(Rule, Requirements)>,
    /// Suites that need not run if their condition leaves them out.
    pub may_leave_out: Vec<String>,
    /// Repositories of which one is required; empty for any.
    pub repositories: Vec<Repository>,
    /// Requesters of which one is required; empty for any. Namespace, empty for the command line, and user.
    pub requesters: Vec<(String, Option<String>)>,
    /// Digests of operators' policies of which one is required; empty for any.
    pub run_policies: Vec<String>,
    /// The unit as which an image ran, by name of the image; empty for any.
    pub units: BTreeMap<String, String>,
    /// All images come from one run.
    pub together: bool,
    /// Each image was scanned, with advisories of at most this age at the time of the decision.
    pub scanned: Option<Option<Duration>>,
    /// Times in which nothing is installed.
    pub freezes: Vec<Freeze>,
    /// Rules that deny only from a time on.
    pub effective_on: BTreeMap<Rule, Timestamp>,
}

/// A log and its witnesses.
#[derive(Debug, Clone)]
pub struct LogTrust {
    /// Key of the log.
    pub key: LogKey,
}

/// A time in which nothing is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}

/// Reads a file that the policy names, relative to the policy.
pub type ReadKey<'a> = &'a dyn Fn(&str) -> io::Result<Vec<u8>>;

/// The JSON Schema of a policy of the gate.
pub fn schema() -> serde_json::Value {
    yaml::schema_of::<GatePolicyDocument>(&GATE_POLICY, ID, "dayfly policy of the gate")
}

impl GatePolicy {
    /// Parses and checks a policy.
    pub fn parse(path: &Path, bytes: &[u8], read: ReadKey<'_>) -> Result<Self, Diagnostics> {
        let (root, mut diagnostics, text) = yaml::tree(&GATE_POLICY, path, bytes)?;
        let found = yaml::typed::<GatePolicyDocument>(&GATE_POLICY, &schema(), &root, &mut diagnostics);
        let checked =
            found.map(|document| Checker { read, diagnostics: &mut diagnostics }.checked(path, bytes, document));
        match checked {
            Some(policy) if diagnostics.list.is_empty() => Ok(policy),
            _ => Err(Diagnostics::new(path, &text, diagnostics.list, diagnostics.omitted)),
        }
    }

    /// The key with an id, if the policy has it.
    pub fn key(&self, keyid: &str) -> Option<&VerifyingKey> {
        self.keys.iter().find(|key| key.keyid() == keyid)
    }
}

struct Checker<'a> {
    read: ReadKey<'a>,
    diagnostics: &'a mut DiagnosticSink,
}

impl Checker<'_> {
    fn checked(mut self, path: &Path, bytes: &[u8], document: GatePolicyDocument) -> GatePolicy {
        let root = FieldPath::root();
        let keys = self.keys(&root.key("keys"), &document.keys);
        let log = document.log.as_ref().and_then(|log| {
            let key = self.log_key(&root.key("log").key("publicKey"), &log.public_key)?;
            Some(LogTrust { key })
        });
        let required = document.require;
        let at = root.key("require");
        let requirements = self.requirements(&at, &required);
        let parsed = |text: &String| Repository::parse(text);
        let repositories =
            self.each(&at.key("repositories"), &required.repositories, parsed, "write a URL, or OWNER/NAME");
        let hex = |text: &String| text.parse::<Digest>().ok().map(|d| d.hex());
        let run_policies = self.each(&at.key("runPolicies"), &required.run_policies, hex, DIGEST_HELP);
        let requester = |text: &String| match text.split_once('/') {
            Some((namespace, user)) if !user.is_empty() => Some((namespace.to_owned(), Some(user.to_owned()))),
            None if !text.is_empty() => Some((text.clone(), None)),
            _ => None,
        };
        let requesters = self.each(
            &at.key("requesters"),
            &required.requesters,
            requester,
            "write NAMESPACE, NAMESPACE/USER or /USER",
        );
        let scanned = required.scanned.as_ref().map(|scanned| {
            let at = at.key("scanned").key("maxAge");
            scanned.max_age.as_ref().and_then(|text| self.duration(&at, text))
        });
        let freezes = self.freezes(&root.key("freezes"), &document.freezes);
        let effective_on = self.effective_on(&root.key("effectiveOn"), &document.effective_on);
        GatePolicy {
            file: path.display().to_string(),
            digest: Digest::compute(bytes),
            keys,
            log,
            requirements,
            may_leave_out: required.may_leave_out,
            repositories,
            requesters,
            run_policies,
            units: required.units,
            together: required.together,
            scanned,
            freezes,
            effective_on,
        }
    }

    fn keys(&mut self, at: &FieldPath, files: &[String]) -> Vec<VerifyingKey> {
        if files.is_empty() {
            self.diagnostics.add(at, "there is no key", "name the public keys of those who run tests");
        }
        let mut keys = vec![];
        for (i, file) in files.iter().enumerate() {
            let pem = self.text(&at.index(i), file);
            match pem.map(|pem| VerifyingKey::from_pem(&pem)) {
                Some(Ok(key)) => keys.push(key),
                Some(Err(e)) => {
                    let help = "name a public key, such as the `.pub` file of `dayfly key generate`";
                    self.diagnostics.add(&at.index(i), format!("{file} is not a public key: {e}"), help);
                }
                None => {}
            }
        }
        keys
    }

    /// A key as `dayfly log create` prints it, or the file that holds it.
    fn log_key(&mut self, at: &FieldPath, text: &str) -> Option<LogKey> {
        let content = if text.contains('+') { text.to_owned() } else { self.text(at, text)? };
        let help = "write the public key of the log as `dayfly log create` printed it, or the name of a file with it";
        match LogKey::parse(content.trim()) {
            Ok(key) if key.used() == KeyUse::Log => Some(key),
            Ok(_) => {
                self.diagnostics.add(at, "this is the key of a witness", help);
                None
            }
            Err(why) => {
                self.diagnostics.add(at, format!("this is not the public key of a log: {why}"), help);
                None
            }
        }
    }

    fn text(&mut self, at: &FieldPath, file: &str) -> Option<String> {
        let read = (self.read)(file);
        match read.map(String::from_utf8) {
            Ok(Ok(text)) => return Some(text),
            Ok(Err(_)) => self.diagnostics.add(at, format!("{file} is not text"), "name a file with a public key"),
            Err(e) => {
                let help = "name a file; its path is relative to the policy";
                self.diagnostics.add(at, format!("{file} cannot be read: {e}"), help);
            }
        }
        None
    }

    fn duration(&mut self, at: &FieldPath, text: &str) -> Option<Duration> {
        match duration_ms(text, LONGEST_MS) {
            Ok(ms) => Some(Duration::from_millis(ms)),
            Err(help) => {
                self.diagnostics.add(at, format!("`{text}` is not a valid duration"), help);
                None
            }
        }
    }

    fn each<T>(
        &mut self,
        at: &FieldPath,
        texts: &[String],
        parse: impl Fn(&String) -> Option<T>,
        help: &str,
    ) -> Vec<T> {
        let mut all = vec![];
        for (i, text) in texts.iter().enumerate() {
            match parse(text) {
                Some(value) => all.push(value),
                None => self.diagnostics.add(&at.index(i), format!("`{text}` cannot be read"), help),
            }
        }
        all
    }

    fn requirements(&mut self, at: &FieldPath, required: &Required) -> Vec<(Rule, Requirements)> {
        let none = || Requirements { raw_may_be_absent: true, ..Requirements::default() };
        let base_suites = required.base_suites;
        let mut all = vec![];
        if required.proven {
            all.push((Rule::Proven, Requirements { proven: true, ..none() }));
        }
        for (i, suite) in required.suites.iter().enumerate() {
            let digest = suite.digest.as_ref().and_then(|text| {
                let at = at.key("suites").index(i).key("digest");
                let found = text.parse::<Digest>().ok();
                if found.is_none() {
                    self.diagnostics.add(&at, format!("`{text}` is not a digest"), DIGEST_HELP);
                }
                found.map(|d| d.hex())
            });
            let suites = vec![(suite.name.clone(), digest)];
            // A suite that the change brings is not what the policy means, where it requires those of the base.
            all.push((Rule::Suites, Requirements { suites, base_suites, ..none() }));
        }
        for kind in &required.kinds {
            all.push((Rule::Kinds, Requirements { kinds: vec![*kind], base_suites, ..none() }));
        }
        if base_suites {
            all.push((Rule::BaseSuites, Requirements { base_suites, ..none() }));
        }
        if let Some(max_age) = required.max_age.as_ref().and_then(|text| self.duration(&at.key("maxAge"), text)) {
            all.push((Rule::MaxAge, Requirements { max_age: Some(max_age), ..none() }));
        }
        if required.secure_defaults {
            all.push((Rule::SecureDefaults, Requirements { no_departures: true, ..none() }));
        }
        if required.removed {
            all.push((Rule::Removed, Requirements { removed: true, ..none() }));
        }
        for (_, requirements) in &mut all {
            requirements.may_be_left_out.clone_from(&required.may_leave_out);
        }
        all
    }

    fn freezes(&mut self, at: &FieldPath, freezes: &[document::Freeze]) -> Vec<Freeze> {
        let mut all = vec![];
        for (i, freeze) in freezes.iter().enumerate() {
            let at = at.index(i);
            let from = moment(&at.key("from"), &freeze.from, End::First, self.diagnostics);
            let until = moment(&at.key("until"), &freeze.until, End::Last, self.diagnostics);
            let (Some(from), Some(until)) = (from, until) else { continue };
            if until <= from {
                self.diagnostics.add(&at.key("until"), "the freeze ends before it begins", "write a time after `from`");
            }
            all.push(Freeze { from, until, reason: freeze.reason.clone() });
        }
        all
    }

    fn effective_on(&mut self, at: &FieldPath, texts: &BTreeMap<String, String>) -> BTreeMap<Rule, Timestamp> {
        let mut all = BTreeMap::new();
        for (code, text) in texts {
            match code.parse::<Rule>() {
                Ok(rule) => {
                    all.extend(moment(&at.key(code), text, End::First, self.diagnostics).map(|time| (rule, time)));
                }
                Err(help) => self.diagnostics.add(&at.key(code), format!("`{code}` is not a rule"), help),
            }
        }
        all
    }
}

const DIGEST_HELP: &str = "write `sha256:` and 64 hexadecimal digits";
