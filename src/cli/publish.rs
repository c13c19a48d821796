//! `dayfly publish`: comments on pull requests and sets statuses of commits, from verified evidence.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::error::usage_error;
use super::forge_token::{GITHUB, forge_token};
use super::key::load_public;
use super::{Common, Output, report};
use crate::evidence::store::REPORT;
use crate::evidence::verify::{Expectations, Requirements, folder};
use crate::evidence::{VerifyingKey, read};
use crate::model::{Repository, is_hex};
use crate::publish::client::Written;
use crate::publish::{Client, Content, ForgeKind};
use crate::report::{Facts, exit_code};
use crate::web::Target;

/// What is published.
#[derive(Debug, Subcommand)]
pub enum PublishAction {
    /// Write a comment on the pull request, in place of that of an earlier run
    Comment(PublishArgs),
    /// Set the status of the commit
    Status(PublishArgs),
}

/// Arguments of `publish`.
#[derive(Debug, Args)]
pub struct PublishArgs {
    /// Evidence of the run: its folder, or a folder with only one run
    evidence: PathBuf,
    /// Public key to trust
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,
    /// Head commit, as this job knows it: evidence of another one is refused
    #[arg(long, value_name = "SHA")]
    commit: String,
    /// Pull request, as this job knows it: evidence of another one is refused
    #[arg(long, value_name = "NUMBER")]
    pr: u32,
    /// Repository: OWNER/NAME
    #[arg(long, value_name = "OWNER/NAME")]
    repository: String,
    /// Kind of forge
    #[arg(long, value_enum, value_name = "FORGE")]
    forge: ForgeKind,
    /// Address of the forge (default for github: https://api.github.com)
    #[arg(long, value_name = "URL")]
    forge_url: Option<String>,
    /// File whose first line is the forge's API token (or set DAYFLY_FORGE_TOKEN)
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Name of the comment or the status: several of them live beside each other
    #[arg(long, value_name = "NAME", default_value = "dayfly")]
    name: String,
    /// Address of the whole report
    #[arg(long, value_name = "URL")]
    report_url: Option<String>,
}

/// Publishes; the exit code is 10 if there is no evidence that could be verified, which is published as well.
pub async fn run(action: PublishAction, common: &Common) -> anyhow::Result<u8> {
    let (PublishAction::Comment(args) | PublishAction::Status(args)) = &action;
    let key = load_public(&args.public_key)?;
    check(args)?;
    let client = client(args)?;
    let known = verified(args, &key);
    let content = match &known {
        Ok((facts, keyid)) => Content::Verified { facts, keyid },
        Err(reason) => Content::Refused { reason },
    };
    let url = args.report_url.as_deref();
    let done = match &action {
        PublishAction::Comment(_) => {
            let body = content.comment(&args.name, &args.commit, url);
            client.comment(args.pr, &args.name, &body).await.map(|written| match written {
                Written::Created => "wrote a comment",
                Written::Replaced => "replaced the comment of an earlier run",
            })
        }
        PublishAction::Status(_) => {
            client.status(&args.commit, &content.status(&args.name, url)).await.map(|()| "set the status")
        }
    };
    let done = done.map_err(|e| anyhow::anyhow!("failed to {e}"))?;
    let refused = known.as_ref().err();
    if common.output == Output::Json {
        outln!("{}", serde_json::json!({"published": done, "verified": refused.is_none(), "reason": refused}));
    } else {
        outln!("{done}: {}", refused.map_or("the evidence is verified", |_| "there is no result"));
    }
    if let Some(reason) = refused {
        errln!("REFUSED  {reason}");
        return Ok(exit_code::REFUSED);
    }
    Ok(exit_code::PASSED)
}

fn check(args: &PublishArgs) -> anyhow::Result<()> {
    if !(is_hex(&args.commit, 40) || is_hex(&args.commit, 64)) {
        return Err(usage_error(&format!("--commit {}: expected a full commit id", args.commit)).into());
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._/ -".contains(c);
    // A comment of HTML ends with two hyphens.
    if args.name.is_empty() || args.name.len() > 100 || !args.name.chars().all(is_name) || args.name.contains("--") {
        let message = "--name: expected letters, digits, spaces, and . _ / - (no two hyphens in a row)";
        return Err(usage_error(message).into());
    }
    if let Some(url) = &args.report_url {
        let is_plain = |c: char| c.is_ascii_graphic() && !"()<>\"`\\".contains(c);
        let why = match Target::parse(url) {
            Ok(_) if url.chars().all(is_plain) => return Ok(()),
            Ok(_) => "it has characters that a link cannot have".to_owned(),
            Err(why) => why,
        };
        return Err(usage_error(&format!("--report-url: {why}")).into());
    }
    Ok(())
}

fn client(args: &PublishArgs) -> anyhow::Result<Client> {
    let url = match (&args.forge_url, args.forge) {
        (Some(url), _) => url,
        (None, ForgeKind::Github) => GITHUB,
        (None, _) => return Err(usage_error("--forge-url is required, such as https://git.example").into()),
    };
    let token = forge_token(args.token_file.as_deref())?;
    let missing = "give a token of the forge with --token-file, or in DAYFLY_FORGE_TOKEN";
    let token = token.ok_or_else(|| usage_error(missing))?;
    Client::new(args.forge, url, &args.repository, &token).map_err(|why| usage_error(&why).into())
}

/// The facts of the run of exactly this change, and the key that signed them; or why there are none.
fn verified(args: &PublishArgs, key: &VerifyingKey) -> Result<(Facts, String), String> {
    let folder_of = |path: &Path| report::find(path).map(|report| report.parent().unwrap_or(path).to_owned());
    let run = folder_of(&args.evidence).map_err(|e| format!("{e:#}"))?;
    let files = read::read_run(&run).map_err(|e| format!("failed to {e}"))?;
    let expectations = Expectations { commit: Some(args.commit.clone()), image_sha256: None };
    let verified = folder(&files, key, &expectations).map_err(|refusal| refusal.to_string())?;
    let requirements = Requirements {
        pull_request: Some(args.pr),
        repository: Repository::parse(&args.repository),
        raw_may_be_absent: true,
        ..Requirements::default()
    };
    requirements.check(&verified, jiff::Timestamp::now()).map_err(|refusal| refusal.to_string())?;
    // The statement of the run names it by digest.
    let report = files.get(REPORT).map(Vec::as_slice).unwrap_or_default();
    let facts = serde_json::from_slice(report).map_err(|e| format!("{REPORT} cannot be read: {e}"))?;
    Ok((facts, verified.keyid))
}
