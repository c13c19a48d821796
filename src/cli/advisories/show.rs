//! `dayfly advisories show`.

use std::fmt::Write as _;

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::open::{AdvisoriesArgs, Refused};
use crate::advisories::Bundle;
use crate::advisories::advisory::Summary;
use crate::advisories::bundle::{Header, Trust};
use crate::advisories::scan::Database;
use crate::cli::error::usage_error;
use crate::cli::{Common, Output, stdio};
use crate::model::sanitize;
use crate::report::exit_code;

/// Arguments of `advisories show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Record to show, by one of its ids
    id: Option<String>,
    #[command(flatten)]
    pub(super) advisories: AdvisoriesArgs,
    /// Read all of the bundle, and check every part of it
    #[arg(long)]
    check: bool,
}

/// Shows a bundle, or a record of it.
pub fn run(args: &ShowArgs, common: &Common) -> anyhow::Result<u8> {
    let json = common.output == Output::Json;
    let bundle = match args.advisories.require()? {
        Ok(bundle) => bundle,
        Err(refused) => return Ok(refused.code()),
    };
    if args.check
        && let Err(e) = bundle.check()
    {
        return Ok(Refused(format!("failed to {e}")).code());
    }
    let Some(id) = &args.id else {
        if json {
            outln!("{:#}", json!({"database": Database::of(&bundle), "header": bundle.header}));
        } else {
            stdio::out(&format!("{}{}", contents(&bundle.header), trust(&bundle)));
        }
        return Ok(exit_code::PASSED);
    };
    let records = found(&bundle, id).map_err(|e| usage_error(&format!("{e:#}")))?;
    if json {
        outln!("{:#}", json!(records));
    } else {
        stdio::out(&records.iter().map(record).collect::<Vec<_>>().join("\n"));
    }
    Ok(exit_code::PASSED)
}

fn found(bundle: &Bundle, id: &str) -> anyhow::Result<Vec<Summary>> {
    let records = bundle.records(id).map_err(|e| anyhow::anyhow!("failed to {e}"))?;
    if records.is_empty() {
        bail!("there is no record {id:?}, and none that has it as an alias");
    }
    Ok(records)
}

/// What is in a bundle, as text.
pub(super) fn contents(header: &Header) -> String {
    let mut text = String::new();
    writeln!(text, "{:<24} {:>8} {:>9}  {:<20}  newest record", "ecosystem", "records", "packages", "snapshot").ok();
    for (ecosystem, facts) in &header.ecosystems {
        let newest = facts.newest.map_or("-".to_owned(), |t| t.strftime("%Y-%m-%d").to_string());
        let snapshot = facts.snapshot.strftime("%Y-%m-%dT%H:%M:%SZ");
        writeln!(
            text,
            "{:<24} {:>8} {:>9}  {snapshot:<20}  {newest}",
            ecosystem.as_str(),
            facts.records,
            facts.packages
        )
        .ok();
    }
    let records = header.records;
    let unit = if records.total == 1 { "record" } else { "records" };
    let (malicious, withdrawn) = (records.malicious, records.withdrawn);
    writeln!(text, "\n{} {unit}, {malicious} of malicious packages; {withdrawn} withdrawn", records.total).ok();
    let lists = [("exploited (KEV)", header.kev.as_ref()), ("scores (EPSS)", header.epss.as_ref())];
    let popular = header.popular.iter().map(|(e, facts)| (format!("popular {e}"), Some(facts)));
    for (name, facts) in lists.map(|(n, f)| (n.to_owned(), f)).into_iter().chain(popular) {
        let shown = facts
            .map_or("-".to_owned(), |f| format!("{} of {}", f.entries, f.date.as_deref().unwrap_or("an unknown date")));
        writeln!(text, "{name:<16} {shown}").ok();
    }
    writeln!(text, "{:<16} {}", "bundle", header.sequence).ok();
    text
}

fn trust(bundle: &Bundle) -> String {
    match &bundle.trust {
        Trust::Verified(keyid) => format!("{:<16} verified, by {keyid}\n", "signature"),
        Trust::Unchecked(Some(keyid)) => {
            format!("{:<16} not checked; it names {}\n", "signature", sanitize::one_line(keyid, 100))
        }
        Trust::Unchecked(None) => format!("{:<16} none\n", "signature"),
    }
}

fn record(record: &Summary) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        if !value.is_empty() {
            writeln!(text, "{label:<10} {}", sanitize::one_line(value, 1000)).ok();
        }
    };
    let time = |t: Option<jiff::Timestamp>| t.map(|t| t.to_string()).unwrap_or_default();
    line("id", &record.id);
    line("aliases", &record.aliases.join(", "));
    line("withdrawn", &time(record.withdrawn));
    line("severity", record.rating.word());
    line("summary", &record.summary);
    let packages: Vec<_> = record.packages.iter().map(|(e, name)| format!("{name} ({e})")).collect();
    line("packages", &packages.join(", "));
    line("published", &time(record.published));
    line("modified", &time(record.modified));
    record.references.iter().for_each(|r| line("link", r));
    if !record.details.is_empty() {
        writeln!(text, "\n{}", record.details).ok();
    }
    text
}
