//! Snapshots of every report format of the sample runs; review changes with `cargo insta review`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod report_samples;

use dayfly::report::display;
use std::collections::BTreeMap;

use dayfly::cli::ci::{self, CiSystem};
use dayfly::cli::report;
use dayfly::model::Verdict;
use dayfly::report::{Format, ReportError, json, markdown, render};
use dayfly::spec::model::{Severity, VerdictSource};
use dayfly::suite::results;
use report_samples as samples;

fn snapshots(format: Format, kind: &str) {
    for (name, facts) in samples::all() {
        insta::assert_snapshot!(format!("{kind}_{name}"), render(&facts, format, false).unwrap());
    }
}

#[test]
fn renders_every_outcome_as_text() {
    snapshots(Format::Text, "text");
}

#[test]
fn renders_every_outcome_as_junit() {
    snapshots(Format::Junit, "junit");
}

#[test]
fn renders_every_outcome_as_markdown() {
    snapshots(Format::Markdown, "markdown");
}

#[test]
fn renders_outcomes_as_html() {
    for (name, facts) in [("error", samples::error()), ("hostile", samples::hostile())] {
        let page = render(&facts, Format::Html, false).unwrap();
        let body = &page[page.find("<body>").unwrap()..];
        if name == "error" {
            assert!(body.contains("WARN broker: ACCESS_REFUSED"), "the last log lines are shown");
        }
        insta::assert_snapshot!(format!("html_{name}"), body);
    }
}

#[test]
fn json_reports_are_stable_and_round_trip() {
    for (_, facts) in samples::all() {
        let written = json::write(&facts).unwrap();
        let read = json::read(&written).unwrap();
        assert_eq!(read, facts);
        assert_eq!(json::write(&read).unwrap(), written);
    }
    insta::assert_snapshot!("json_inconclusive", json::write(&samples::inconclusive()).unwrap());
}

#[test]
fn refuses_a_report_of_another_version_and_files_that_are_not_reports() {
    let written = json::write(&samples::passed()).unwrap();
    for (found, version) in [("2", "2"), ("\"1\"", "\"1\""), ("null", "null")] {
        let other = written.replacen("\"schemaVersion\": 1", &format!("\"schemaVersion\": {version}"), 1);
        let error = json::read(&other).unwrap_err();
        assert!(matches!(&error, ReportError::Version { found: f } if f == found), "{error}");
    }
    assert!(json::read("{}").unwrap_err().to_string().contains("schema version null"));
    assert!(json::read("[1").unwrap_err().to_string().contains("not a dayfly report"));
}

#[test]
fn text_of_a_passed_run_is_short_and_colour_adds_only_styles() {
    let plain = render(&samples::passed(), Format::Text, false).unwrap();
    assert!(plain.lines().count() <= 23, "{plain}");
    for (_, facts) in samples::all() {
        let colour = render(&facts, Format::Text, true).unwrap();
        assert!(colour.contains("\u{1b}["));
        assert_eq!(anstream::adapter::strip_str(&colour).to_string(), render(&facts, Format::Text, false).unwrap());
    }
}

#[test]
fn text_contains_no_terminal_or_ci_commands_from_the_environment() {
    let text = render(&samples::hostile(), Format::Text, false).unwrap();
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
    assert!(!text.contains('\u{202e}'));
    assert!(!text.lines().any(|l| l.trim_start().starts_with("::")) && !text.contains("##["), "{text}");
}

/// The JUnit report agrees with the run when our strict parser reads it.
#[test]
fn junit_shows_a_failure_unless_the_run_passed() {
    for (name, facts) in samples::all() {
        let xml = render(&facts, Format::Junit, false).unwrap();
        let read = results::read(
            &BTreeMap::from([("junit.xml".to_owned(), xml.clone().into_bytes())]),
            VerdictSource::Junit,
            Severity::Low,
        );
        assert_eq!(read.unreadable, [], "{name}");
        let bad = read.cases.iter().filter(|c| c.verdict == Some(Verdict::Failed)).count();
        assert_eq!(bad == 0, display::outcome(&facts) == "PASSED", "{name}: {xml}");
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
fn markdown_of_a_large_run_fits_a_comment_and_counts_omitted_entries() {
    let mut facts = samples::failed();
    let suite = facts.suites[0].clone();
    facts.suites = (0..300)
        .map(|i| dayfly::report::facts::SuiteFact { name: format!("suite-{i} {}", "é|".repeat(200)), ..suite.clone() })
        .collect();
    let text = markdown::render(&facts);
    assert!(text.len() < 60_000 && text.len() > 30_000, "{}", text.len());
    assert!(text.contains("more entries did not fit here") && text.contains("and 240 more suites"));
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
}

#[test]
fn writes_annotations_for_both_ci_systems() {
    for (name, facts) in samples::all() {
        insta::assert_snapshot!(format!("github_{name}"), ci::annotations(&facts, CiSystem::GitHub));
    }
    insta::assert_snapshot!("gitlab_failed", ci::annotations(&samples::failed(), CiSystem::GitLab));
}

/// GitHub's rule: a line that begins, spaces aside, with `::` is a command; `##[` is one anywhere.
#[test]
fn hostile_names_create_no_ci_commands() {
    let facts = samples::hostile();
    let github = ci::annotations(&facts, CiSystem::GitHub);
    for line in github.lines() {
        assert!(line.starts_with("::error ") || line.starts_with("::warning "), "{line}");
        let (properties, _) = line[2..].split_once("::").unwrap();
        let keys: Vec<_> =
            properties.split_once(' ').unwrap().1.split(',').map(|p| p.split('=').next().unwrap()).collect();
        assert!(keys.iter().all(|k| ["file", "line", "title"].contains(k)) && keys.len() <= 3, "{line}");
    }
    assert!(!github.contains("##[") && github.lines().count() >= 3);
    let gitlab = ci::annotations(&facts, CiSystem::GitLab);
    assert_eq!((gitlab.matches("section_start:").count(), gitlab.matches('\r').count()), (1, 2));
    assert_eq!(gitlab.matches('\u{1b}').count(), 4);
    assert!(ci::annotations(&samples::passed(), CiSystem::GitHub).is_empty());
}

#[test]
fn loads_a_report_from_file_folder_or_parent_and_writes_any_format() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run-1");
    std::fs::create_dir(&run).unwrap();
    let file = run.join(report::FILE);
    std::fs::write(&file, json::write(&samples::failed()).unwrap()).unwrap();
    let out = folder.path().join("out");
    for path in [file.as_path(), &run, folder.path()] {
        for format in [Format::Text, Format::Json, Format::Junit, Format::Markdown, Format::Html] {
            report::write(path, format, Some(&out)).unwrap();
            let written = std::fs::read_to_string(&out).unwrap();
            assert_eq!(written, render(&samples::failed(), format, false).unwrap());
        }
    }
}

#[test]
fn refuses_missing_ambiguous_and_unreadable_reports_with_their_path() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = || format!("{:#}", report::load(folder.path()).unwrap_err());
    assert!(refusal().contains("there is no report.json"), "{}", refusal());
    for run in ["a", "b"] {
        std::fs::create_dir(folder.path().join(run)).unwrap();
        std::fs::write(folder.path().join(run).join(report::FILE), "{\"schemaVersion\": 9}").unwrap();
    }
    assert!(refusal().contains("holds 2 runs") && refusal().contains("a/report.json"), "{}", refusal());
    let error = format!("{:#}", report::load(&folder.path().join("a")).unwrap_err());
    assert!(error.contains("a/report.json") && error.contains("schema version 9"), "{error}");
    assert!(format!("{:#}", report::load(&folder.path().join("none")).unwrap_err()).contains("none"));
}
