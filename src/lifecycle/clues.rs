//! Chooses the log lines that may explain why a case did not pass. Pure.

use std::collections::BTreeMap;

use super::candidates::{self, Candidate, Question};
use super::likely;
use super::logged::CopyLog;
use crate::report::facts::{Clue, Clues};

/// Maximum number of lines.
const MOST: usize = 12;

/// The answer from the logs, by copies.
pub fn find(logs: &BTreeMap<String, CopyLog>, question: &Question) -> Clues {
    let candidates = candidates::candidates(logs, question);
    let ends = candidates::ends(question);
    let of_question = |log: &&CopyLog| question.units.contains(&log.unit);
    let mut lines = grouped(&candidates);
    let left_out = lines.len().saturating_sub(MOST) as u64;
    lines.truncate(MOST);
    Clues {
        likely_cause: likely::cause(question.plan, &candidates, &ends),
        units: question.units.to_vec(),
        ended: ends.iter().map(|e| likely::end(e, &[])).collect(),
        lines,
        left_out,
        gaps: logs
            .values()
            .filter(of_question)
            .flat_map(|l| l.gaps.iter().map(|g| format!("{}: {g}", l.unit)))
            .collect(),
    }
}

/// Lines that differ in numbers only become one.
fn grouped(candidates: &[Candidate]) -> Vec<Clue> {
    let mut places: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut clues: Vec<Clue> = vec![];
    for c in candidates {
        let pattern: String = c.entry.text.chars().filter(|ch| !ch.is_ascii_digit()).collect();
        let place = *places.entry((c.copy.to_owned(), pattern)).or_insert(clues.len());
        match clues.get_mut(place) {
            Some(clue) => clue.times += 1,
            None => {
                let (unit, text) = (c.copy.to_owned(), c.entry.text.clone());
                clues.push(Clue { unit, at: c.entry.at, text, times: 1 });
            }
        }
    }
    clues
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::engine::LogLine;
    use crate::lifecycle::logged::Provoked;
    use crate::lifecycle::telling::Reader;
    use crate::plan::{BrokerPlan, DatabasePlan, Plan, UnitKind};
    use crate::report::facts::UnitEnd;
    use crate::testing::{plan_of, unit};

    fn second(n: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + n).unwrap()
    }

    fn shop() -> Plan {
        let mut plan = plan_of(&[("mq", &[]), ("pg", &[]), ("front", &["mq", "pg"])]);
        plan.units.push(unit("worker"));
        plan.units[3].secrets = vec!["mq.worker".into(), "pg.worker".into()];
        plan.units[0].kind = UnitKind::Broker;
        plan.units[1].kind = UnitKind::Database;
        plan.units[1].callers = ["worker".to_owned()].into();
        let users =
            serde_json::from_value(serde_json::json!({"front": {"permissions": {}}, "worker": {"permissions": {}}}))
                .unwrap();
        plan.broker = Some(BrokerPlan {
            name: "mq".into(),
            port: 5672,
            tls: false,
            vhosts: BTreeMap::new(),
            users,
            config: BTreeMap::new(),
        });
        let database =
            DatabasePlan { database: "shop".into(), roles: vec!["worker".into()], extensions: vec![], sql: vec![] };
        plan.databases.insert("pg".into(), database);
        plan
    }

    /// Logs of these lines: unit, second, text. The case lasts from second 100 to 105.
    fn clues_with(lines: &[(&str, i64, &str)], ends: &[UnitEnd], provoked: &[Provoked]) -> Clues {
        let mut logs: BTreeMap<String, CopyLog> = BTreeMap::new();
        let mut readers: BTreeMap<&str, Reader> = BTreeMap::new();
        for (unit, at, text) in lines {
            let log = logs.entry((*unit).to_owned()).or_default();
            log.unit = (*unit).to_owned();
            let line = LogLine { unit: (*unit).into(), text: (*text).into(), cut: false, at: Some(second(*at)) };
            log.keep(&line, readers.entry(unit).or_default().read(text), second(*at));
        }
        let (plan, units) = (shop(), ["front", "mq", "pg", "worker"].map(str::to_owned));
        let (from, until) = (second(100), second(105));
        find(&logs, &Question { plan: &plan, units: &units, from, until, ends, provoked })
    }

    fn clues_of(lines: &[(&str, i64, &str)]) -> Clues {
        clues_with(lines, &[], &[])
    }

    fn likely(lines: &[(&str, i64, &str)]) -> Option<String> {
        clues_of(lines).likely_cause
    }

    const REFUSED: &str = r#"[error] <0.9.0> operation basic.publish caused a channel exception access_refused: "access to exchange 'orders' in vhost 'shop' refused for user 'front'""#;

    #[test]
    fn a_broker_names_who_was_refused_what() {
        let cause = "mq refused front: write access to exchange orders in vhost shop";
        assert_eq!(likely(&[("front", 101, "ERROR cannot publish"), ("mq", 101, REFUSED)]).as_deref(), Some(cause));
        let newer = REFUSED.replace("\"access to", "\"write access to");
        assert_eq!(likely(&[("mq", 101, &newer)]).as_deref(), Some(cause));
        let login = "[error] <0.9.0> PLAIN login refused: user 'worker' - invalid credentials";
        assert_eq!(likely(&[("mq", 99, login)]).unwrap(), "mq refused worker: invalid credentials");
        let missing = "operation basic.consume caused a channel exception not_found: no queue 'q' in vhost 'shop'";
        assert_eq!(likely(&[("mq", 101, missing)]).unwrap(), "mq has no queue q in vhost shop");
    }

    #[test]
    fn a_database_names_who_was_refused_what() {
        let refused = r#"FATAL:  password authentication failed for user "worker""#;
        assert_eq!(likely(&[("pg", 101, refused)]).unwrap(), "pg refused user worker: password authentication failed");
        assert_eq!(
            likely(&[("pg", 101, "ERROR:  permission denied for table orders")]).unwrap(),
            "pg refused a role: permission denied for table orders"
        );
        assert_eq!(
            likely(&[("pg", 101, r#"ERROR:  relation "orders" does not exist at character 15"#)]).unwrap(),
            r#"pg: relation "orders" does not exist"#
        );
    }

    #[test]
    fn two_different_causes_are_no_certain_one() {
        let login = "PLAIN login refused: user 'worker' - invalid credentials";
        let clues = clues_of(&[("mq", 101, REFUSED), ("mq", 101, login)]);
        assert_eq!((clues.likely_cause, clues.lines.len()), (None, 2));
    }

    #[test]
    fn a_user_whom_nobody_declared_is_not_named() {
        assert_eq!(likely(&[("mq", 101, "PLAIN login refused: user 'rm -rf' - invalid credentials")]), None);
    }

    #[test]
    fn what_a_suite_provoked_explains_nothing() {
        let provoked = [Provoked { unit: "mq".into(), user: "front".into(), from: second(101), until: second(101) }];
        let line = "PLAIN login refused: user 'worker' - invalid credentials";
        let clues = clues_with(&[("mq", 101, REFUSED), ("mq", 101, line)], &[], &provoked);
        assert_eq!(clues.likely_cause.unwrap(), "mq refused worker: invalid credentials");
        assert_eq!(clues.lines.len(), 1);
    }

    #[test]
    fn a_service_that_may_not_call_its_broker_is_told_so() {
        let text = "WARNING cannot work: gaierror: [Errno -3] Temporary failure in name resolution";
        let cause = "worker cannot reach mq: it may not call it; add mq to the `needs` of worker";
        assert_eq!(likely(&[("worker", 40, text)]).unwrap(), cause);
        assert_eq!(likely(&[("front", 101, "could not translate host name \"nowhere\" to address")]), None);
    }

    #[test]
    fn an_end_is_told_with_its_last_words() {
        let ends = [UnitEnd {
            unit: "worker".into(),
            at: second(103),
            what: "its process exited with code 1".into(),
            own: true,
            during: vec![],
            late: false,
            times: 1,
            allowed_by: None,
        }];
        let lines = [
            ("worker", 103, "Traceback (most recent call last):"),
            ("worker", 103, "  File \"worker.py\", line 3, in <module>"),
            ("worker", 103, "KeyError: 'article'"),
        ];
        let clues = clues_with(&lines, &ends, &[]);
        assert_eq!(
            clues.likely_cause.unwrap(),
            "worker: its process exited with code 1 at 13:48:23: KeyError: 'article'"
        );
        assert_eq!(clues.ended, ["worker: its process exited with code 1 at 13:48:23"]);
    }

    #[test]
    fn lines_outside_of_the_time_count_only_if_a_unit_has_no_others() {
        let lines = [
            ("front", 10, "ERROR old"),
            ("front", 101, "WARN now"),
            ("worker", 10, "ERROR at its start"),
            ("worker", 300, "ERROR later"),
        ];
        let texts: Vec<_> = clues_of(&lines).lines.into_iter().map(|l| l.text).collect();
        assert_eq!(texts, ["WARN now", "ERROR at its start"]);
    }

    #[test]
    fn repeated_lines_become_one_and_many_are_cut() {
        let mut lines: Vec<_> = (0..9).map(|_| ("front", 101, "ERROR attempt 1 failed")).collect();
        lines.push(("front", 102, "ERROR attempt 2 failed"));
        assert_eq!(clues_of(&lines).lines[0].times, 10);
        let words: Vec<String> = (0..30).map(|n| format!("ERROR {}", "x".repeat(n + 1))).collect();
        let lines: Vec<_> = words.iter().map(|w| ("front", 101, w.as_str())).collect();
        let clues = clues_of(&lines);
        assert_eq!((clues.lines.len(), clues.left_out), (MOST, 30 - MOST as u64));
    }
}
