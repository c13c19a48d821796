//! Result files as the tools write them (`tests/fixtures/results`), each with the counts that its tool printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dayfly::engine::SuiteExit;
use dayfly::model::Verdict;
use dayfly::report::CaseCounts;
use dayfly::spec::model::{Severity, VerdictSource};
use dayfly::suite::results;
use serde::Deserialize;

/// One file of the corpus.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    file: String,
    tool: String,
    #[serde(default)]
    verdict_from: VerdictSource,
    /// What the tool said at its end.
    printed: String,
    exit_code: i64,
    verdict: Verdict,
    cases: Cases,
    /// Why the file does not hold what the tool printed.
    differs: Option<String>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Cases {
    passed: usize,
    failed: usize,
    inconclusive: usize,
    skipped: usize,
    flaky: usize,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/results")
}

fn corpus() -> Vec<Entry> {
    serde_yaml::from_str(&std::fs::read_to_string(folder().join("corpus.yaml")).unwrap()).unwrap()
}

#[test]
fn reads_the_files_of_every_tool_as_the_tool_counted() {
    let mut wrong = vec![];
    for entry in corpus() {
        let bytes = std::fs::read(folder().join(&entry.file)).unwrap();
        let files = BTreeMap::from([(entry.file.clone(), bytes)]);
        let read = results::read(&files, entry.verdict_from, Severity::default());
        let exit = SuiteExit {
            code: Some(entry.exit_code),
            oom_killed: false,
            timed_out: false,
            log: String::new(),
            files,
            lost: vec![],
        };
        let (verdict, reason) = results::verdict(&exit, entry.verdict_from, &read);
        let counts = CaseCounts::count(&read.cases);
        let cases = Cases {
            passed: counts.passed,
            failed: counts.failed,
            inconclusive: counts.inconclusive,
            skipped: counts.skipped,
            flaky: counts.flaky,
        };
        if (verdict, &cases) != (entry.verdict, &entry.cases) {
            wrong.push(format!(
                "{} of {}, which printed `{}`: {verdict:?} ({reason:?}), {cases:?}, not {:?}, {:?} {}",
                entry.file,
                entry.tool,
                entry.printed,
                entry.verdict,
                entry.cases,
                entry.differs.unwrap_or_default()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_corpus_lists_every_file() {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.remove("corpus.yaml");
    assert_eq!(corpus().into_iter().map(|e| e.file).collect::<BTreeSet<_>>(), found);
}
