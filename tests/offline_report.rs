//! Every view of sample runs, as it is today; `cargo insta review` shows what a change does to them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod report_samples;

use std::collections::BTreeMap;

use dayfly::report::facts::Verdict;
use dayfly::report::{Format, ReportError, json, markdown, render, words};
use dayfly::suite::intake;
use report_samples as samples;

fn snapshots(format: Format, kind: &str) {
    for (name, facts) in samples::all() {
        insta::assert_snapshot!(format!("{kind}_{name}"), render(&facts, format, false).unwrap());
    }
}

#[test]
fn text_view_of_every_outcome() {
    snapshots(Format::Text, "text");
}

#[test]
fn junit_view_of_every_outcome() {
    snapshots(Format::Junit, "junit");
}

#[test]
fn markdown_view_of_every_outcome() {
    snapshots(Format::Markdown, "markdown");
}

#[test]
fn html_view_of_every_outcome() {
    for (name, facts) in [("error", samples::error()), ("hostile", samples::hostile())] {
        let page = render(&facts, Format::Html, false).unwrap();
        let body = &page[page.find("<body>").unwrap()..];
        insta::assert_snapshot!(format!("html_{name}"), body);
    }
}

#[test]
fn json_view_is_stable_and_reads_back_the_same() {
    for (_, facts) in samples::all() {
        let written = json::write(&facts).unwrap();
        let read = json::read(&written).unwrap();
        assert_eq!(read, facts);
        assert_eq!(json::write(&read).unwrap(), written);
    }
    insta::assert_snapshot!("json_inconclusive", json::write(&samples::inconclusive()).unwrap());
}

#[test]
fn a_report_of_another_version_or_no_report_is_refused() {
    let written = json::write(&samples::passed()).unwrap();
    for (found, version) in [("2", "2"), ("\"1\"", "\"1\""), ("null", "null")] {
        let other = written.replacen("\"schemaVersion\": 1", &format!("\"schemaVersion\": {version}"), 1);
        let error = json::read(&other).unwrap_err();
        assert!(matches!(&error, ReportError::Version { found: f } if f == found), "{error}");
    }
    assert!(json::read("{}").unwrap_err().to_string().contains("schema version null"));
    assert!(json::read("[1").unwrap_err().to_string().contains("not the facts of a run"));
}

#[test]
fn the_text_of_a_passed_run_is_short_and_colour_changes_only_colour() {
    let plain = render(&samples::passed(), Format::Text, false).unwrap();
    assert!(plain.lines().count() <= 20, "{plain}");
    for (_, facts) in samples::all() {
        let colour = render(&facts, Format::Text, true).unwrap();
        assert!(colour.contains("\u{1b}["));
        assert_eq!(anstream::adapter::strip_str(&colour).to_string(), render(&facts, Format::Text, false).unwrap());
    }
}

#[test]
fn no_terminal_sequence_of_the_environment_reaches_the_terminal() {
    let text = render(&samples::hostile(), Format::Text, false).unwrap();
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
    assert!(!text.contains('\u{202e}'));
}

/// Our own JUnit, read with our own strict reader: what it counts is what the run was.
#[test]
fn the_junit_view_is_never_greener_than_the_run() {
    for (name, facts) in samples::all() {
        let xml = render(&facts, Format::Junit, false).unwrap();
        let read = intake::junit(&BTreeMap::from([("junit.xml".to_owned(), xml.clone().into_bytes())]));
        assert_eq!(read.unreadable, [], "{name}");
        let bad = read.cases.iter().filter(|c| c.verdict == Some(Verdict::Failed)).count();
        assert_eq!(bad == 0, words::outcome(&facts) == "PASSED", "{name}: {xml}");
        quick_junit::Report::deserialize_from_str(&xml).unwrap();
    }
    let mut nothing = samples::passed();
    nothing.suites.clear();
    assert!(render(&nothing, Format::Junit, false).unwrap().contains("no suite ran"));
    let mut unfinished = samples::passed();
    unfinished.finished = None;
    let text = render(&unfinished, Format::Text, false).unwrap();
    assert!(text.starts_with("UNFINISHED"), "{text}");
    assert!(render(&unfinished, Format::Junit, false).unwrap().contains("<error"));
}

#[test]
fn markdown_of_the_largest_run_fits_a_comment_and_says_what_it_left_out() {
    let mut facts = samples::failed();
    let suite = facts.suites[0].clone();
    facts.suites = (0..300).map(|i| dayfly::report::facts::SuiteFact { name: format!("suite-{i} {}", "é|".repeat(200)), ..suite.clone() }).collect();
    let text = markdown::render(&facts);
    assert!(text.len() < 60_000 && text.len() > 30_000, "{}", text.len());
    assert!(text.contains("more entries did not fit here") && text.contains("and 240 more suites"));
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
}
