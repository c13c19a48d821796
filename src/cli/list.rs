//! `dayfly list`: lists all environments, found by their labels.

use jiff::Timestamp;

use super::error::engine_error;
use super::{Common, Output, stdio, target};
use crate::engine::{ObservedEnvironment, UnitState};
use crate::report::exit_code;

/// Columns of the table.
const HEAD: [&str; 7] = ["ENVIRONMENT", "SERVICES", "COMMIT", "AGE", "USED", "OWNER", "EXPIRES"];

/// Prints all environments.
pub async fn run(common: &Common) -> anyhow::Result<u8> {
    let targets = target::chosen(common);
    let mut all = vec![];
    for target in &targets {
        let engine = target::reach(target, common).await?.map_err(|e| engine_error(common, &e))?;
        let found = engine.list().await.map_err(|e| engine_error(common, &e))?;
        all.extend(found.into_iter().map(|o| (target.to_string(), o)));
    }
    if common.output == Output::Json {
        let rows = all.iter().map(|(target, o)| {
            let mut row = json(o, Timestamp::now());
            row["engine"] = target.clone().into();
            row
        });
        let rows: Vec<_> = rows.collect();
        outln!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(exit_code::PASSED);
    }
    if all.is_empty() {
        outln!("no environments");
        return Ok(exit_code::PASSED);
    }
    let rows: Vec<[String; 7]> = all.iter().map(|(_, o)| row(o, Timestamp::now())).collect();
    if targets.len() == 1 {
        stdio::out(&table(&HEAD, &rows));
    } else {
        let rows =
            all.iter().zip(rows).map(|((target, _), [a, b, c, d, e, f, g])| [target.clone(), a, b, c, d, e, f, g]);
        let rows: Vec<[String; 8]> = rows.collect();
        let [a, b, c, d, e, f, g] = HEAD;
        stdio::out(&table(&["ENGINE", a, b, c, d, e, f, g], &rows));
    }
    Ok(exit_code::PASSED)
}

fn row(o: &ObservedEnvironment, now: Timestamp) -> [String; 7] {
    let running = o.units.values().filter(|s| **s == UnitState::Running).count();
    let services = format!("{running}/{} running", o.units.len());
    let (dash, name) = (|| "-".to_owned(), o.environment.clone());
    match (&o.lease, &o.retention) {
        (Some(l), Some(t)) => {
            let end = match t.kept() {
                _ if o.terminating => "it is being removed".into(),
                Some(reason) => format!("kept: {reason}"),
                None => expiry(now, t.expires),
            };
            let owner = l.owner.as_ref().map_or_else(dash, ToString::to_string);
            [name, services, commit(&l.commit), age(now, l.created), ago(now, t.used), owner, end]
        }
        _ if o.unreadable_lease => {
            [name, services, dash(), dash(), dash(), dash(), "created by another version of dayfly".into()]
        }
        _ => {
            let remnants = format!("{} remnant(s)", o.objects.len());
            [name, remnants, dash(), dash(), dash(), dash(), "remove with `dayfly down`".into()]
        }
    }
}

/// An environment as JSON, for machines.
pub fn json(o: &ObservedEnvironment, now: Timestamp) -> serde_json::Value {
    serde_json::json!({
        "environment": o.environment,
        "run": o.lease.as_ref().map(|l| l.run),
        "pr": o.lease.as_ref().map(|l| l.plan.pr),
        "commit": o.lease.as_ref().map(|l| &l.commit),
        "created": o.lease.as_ref().map(|l| l.created),
        "repository": o.lease.as_ref().and_then(|l| l.repository.as_ref()),
        "owner": o.lease.as_ref().and_then(|l| l.owner.as_ref()),
        "expires": o.retention.as_ref().map(|t| t.expires),
        "expired": o.retention.as_ref().map(|t| t.expires <= now),
        "used": o.retention.as_ref().map(|t| t.used),
        "kept": o.retention.as_ref().and_then(|t| t.kept()),
        "units": o.units,
        "objects": o.objects,
        "leaving": o.terminating,
    })
}

/// The first ten characters of a commit, or a dash.
pub fn commit(sha: &str) -> String {
    if sha.is_empty() { "-".into() } else { sha.chars().take(10).collect() }
}

/// Formats the elapsed time.
pub fn age(now: Timestamp, then: Timestamp) -> String {
    rough(now.duration_since(then).as_secs())
}

/// Formats the elapsed time as a clause.
pub fn ago(now: Timestamp, then: Timestamp) -> String {
    format!("{} ago", age(now, then))
}

/// Time left until `then`, or how to remove an expired environment.
pub fn expiry(now: Timestamp, then: Timestamp) -> String {
    let left = then.duration_since(now).as_secs();
    if left <= 0 { "over; `dayfly reap --expired` removes it".into() } else { format!("in {}", rough(near(left))) }
}

/// Rounds to the nearest unit, so that four hours less a second are not shown as three.
fn near(secs: i64) -> i64 {
    let half_of_its_unit = match secs {
        ..120 => 0,
        120..7200 => 30,
        7200..172_800 => 1800,
        _ => 43_200,
    };
    secs + half_of_its_unit
}

fn rough(secs: i64) -> String {
    match secs.max(0) {
        s @ 0..=119 => format!("{s}s"),
        s @ 120..=7199 => format!("{}m", s / 60),
        s @ 7200..=172_799 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86_400),
    }
}

/// Columns as wide as their widest cell.
pub fn table<const N: usize>(head: &[&str; N], rows: &[[String; N]]) -> String {
    let width = |c: usize| rows.iter().map(|r| r[c].chars().count()).chain([head[c].len()]).max().unwrap_or(0);
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> =
            cells.iter().enumerate().map(|(c, cell)| format!("{cell:<w$}", w = width(c))).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let body: String = rows.iter().map(|r| line(r.iter().map(String::as_str).collect())).collect();
    line(head.to_vec()) + &body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [["a".to_owned(), "long cell".to_owned()], ["wider".to_owned(), "b".to_owned()]];
        assert_eq!(table(&["X", "Y"], &rows), "X      Y\na      long cell\nwider  b\n");
    }

    #[test]
    fn an_expired_environment_says_how_it_goes() {
        let now = Timestamp::from_second(1000).unwrap();
        assert!(expiry(now, Timestamp::from_second(999).unwrap()).contains("reap --expired"));
        assert_eq!(expiry(now, Timestamp::from_second(8200).unwrap()), "in 2h");
        assert_eq!(expiry(now, Timestamp::from_second(1000 + 4 * 3600 - 1).unwrap()), "in 4h");
    }
}
