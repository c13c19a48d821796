//! `dayfly config`: shows the value of every setting, and where it comes from. Needs no engine.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, json};

use super::advisories::AdvisoriesArgs;
use super::log::LogSigningArgs;
use super::origin::{Origin, Origins};
use super::policy::PolicyArgs;
use super::request::{self, DEFAULT_EVIDENCE};
use super::wanted::{Slot, Wanted};
use super::{ChangeArgs, Common, DescriptionArgs, Output, key, stdio, target};
use crate::model::sanitize;
use crate::report::exit_code;

/// Arguments of `config`: those of `run`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(flatten)]
    description: DescriptionArgs,
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    advisories: AdvisoriesArgs,
    /// Private key that signs the report
    #[arg(long, value_name = "FILE", env = "DAYFLY_KEY", hide_env_values = true)]
    key: Option<PathBuf>,
    #[command(flatten)]
    log: LogSigningArgs,
    /// Folder for reports and signed statements
    #[arg(long, value_name = "FOLDER", env = "DAYFLY_EVIDENCE", hide_env_values = true)]
    evidence: Option<PathBuf>,
}

impl ConfigArgs {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        self.description.wants(wanted);
        self.change.wants(wanted);
        self.policy.wants(wanted);
        self.advisories.wants(wanted);
        wanted.slots.push(("key", Slot::Path(&mut self.key)));
        self.log.wants(wanted);
        wanted.slots.push(("evidence", Slot::Path(&mut self.evidence)));
    }
}

/// A setting: its name, its value and where that comes from; no value if nothing sets it.
type Row = (&'static str, Option<(String, Origin)>);

/// Prints the settings; as JSON, `{name: {value, from}}`, null where nothing sets it.
pub fn run(args: &ConfigArgs, origins: &Origins, common: &Common) -> anyhow::Result<u8> {
    let rows = rows(args, origins, common);
    if common.output == Output::Json {
        let value = |of: &Option<(String, Origin)>| {
            of.as_ref().map(|(value, from)| json!({"value": value, "from": from.to_string()}))
        };
        let all: Map<_, _> = rows.iter().map(|(name, of)| ((*name).to_owned(), json!(value(of)))).collect();
        outln!("{:#}", json!(all));
        return Ok(exit_code::PASSED);
    }
    let shown = |of: &Option<(String, Origin)>| match of {
        Some((value, from)) => (sanitize::one_line(value, 200), sanitize::one_line(&from.to_string(), 200)),
        None => ("-".to_owned(), "not set".to_owned()),
    };
    let rows: Vec<_> = rows.iter().map(|(name, of)| (*name, shown(of))).collect();
    let width = rows.iter().map(|(_, (value, _))| value.chars().count()).max().unwrap_or(0).min(60);
    for (name, (value, from)) in rows {
        stdio::out(&format!("{name:<16} {value:<width$}  {from}\n"));
    }
    Ok(exit_code::PASSED)
}

fn rows(args: &ConfigArgs, origins: &Origins, common: &Common) -> Vec<Row> {
    let origin = |name: &'static str| origins.get(name).cloned().unwrap_or(Origin::Flag);
    let given = |name: &'static str, value: Option<String>| (name, value.map(|v| (v, origin(name))));
    let path = |value: &Option<PathBuf>| value.as_ref().map(|p| p.display().to_string());
    let or = |row: Row, default: Option<(String, Origin)>| (row.0, row.1.or(default));
    let claims = request::claims(&args.change, &args.description.file);
    let targets: Vec<String> = target::chosen(common).iter().map(ToString::to_string).collect();
    let from_target = ["context", "engine"].into_iter().find_map(|name| origins.get(name).cloned());
    let built_in = Some(("built-in limits".to_owned(), Origin::Default("no --policy")));
    let own_suites = Some(("this change".to_owned(), Origin::Default("no --suites-from")));
    let of_description = Some(("of the description".to_owned(), Origin::Default("no --ttl")));
    let evidence = Some((DEFAULT_EVIDENCE.to_owned(), Origin::Default("in the working folder")));
    let key_found = key::default_file().filter(|_| !request::is_job());
    let key_found = key_found.map(|file| (file.display().to_string(), Origin::Default("your own key")));
    vec![
        given("description", Some(args.description.file.display().to_string())),
        ("engine", Some((targets.join(", "), from_target.unwrap_or(Origin::Default("where dayfly runs"))))),
        given("registry-mirror", common.registry_mirror.clone()),
        ("pr", claims.pr.map(|(pr, from)| (pr.to_string(), from))),
        ("commit", claims.commit),
        (
            "repository",
            claims.repository.map(|(value, from)| {
                let is_ours = args.change.repository.is_some();
                (value, if is_ours { origin("repository") } else { from })
            }),
        ),
        or(given("suites-from", args.description.suites_from.clone()), own_suites),
        or(given("policy", path(&args.policy.policy)), built_in),
        given("advisories", path(&args.advisories.advisories)),
        given("advisories-key", path(&args.advisories.advisories_key)),
        or(given("key", path(&args.key)), key_found),
        given("log-key", path(&args.log.log_key)),
        or(given("evidence", path(&args.evidence)), evidence),
        or(given("ttl", args.change.ttl.clone()), of_description),
    ]
}
