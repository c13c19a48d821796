//! Past runs without an engine: unsigned evidence, logs of their evidence, links of their reports.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "evidence/sample.rs"]
mod sample;

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use dayfly::evidence::{KeyKind, open, seal};
use dayfly::model::Digest;
use dayfly::report::Facts;
use dayfly::report::facts::{Links, RawFile};
use predicates::str::contains;

const HOSTILE: &str = "first\n::error::not a command\n\u{1b}[2Jcleared\rhidden\nlast\n";

fn dayfly(arguments: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = Command::cargo_bin("dayfly").unwrap();
    command.env_remove("DAYFLY_EVIDENCE").args(arguments).assert()
}

fn output(arguments: &[&str]) -> String {
    String::from_utf8(dayfly(arguments).success().get_output().stdout.clone()).unwrap()
}

/// Facts with the log of a unit that has two copies, and of a suite.
fn with_logs(run: u128) -> Facts {
    let mut facts = sample::passed(run);
    let file = |name: &str, unit: &str, text: &str| RawFile {
        name: name.into(),
        media_type: "text/plain".into(),
        sha256: sample::digest(text),
        size: text.len() as u64,
        unit: Some(unit.into()),
        path: Some(format!("raw/{}", sample::digest(text))),
    };
    facts.traces = vec![file("file-api.log", "file-api", HOSTILE), file("file-api-2.log", "file-api", "second copy\n")];
    facts.suites[0].raw.push(file("log.txt", "acceptance", "the suite\n"));
    facts
}

fn raw() -> std::collections::BTreeMap<String, Vec<u8>> {
    let texts = [HOSTILE, "second copy\n", "the suite\n"];
    let own = texts.map(|text| (Digest::compute(text).hex(), text.as_bytes().to_vec()));
    sample::raw().into_iter().chain(own).collect()
}

/// Stores the evidence of a run; returns its folder.
fn stored(facts: &Facts, evidence: &Path, signed: bool) -> PathBuf {
    let key = signed.then(|| sample::key(KeyKind::P256, 1));
    open(facts, &sample::planned(facts), key.as_ref(), None, evidence).unwrap();
    seal(facts, &raw(), key.as_ref(), None, evidence).unwrap().dir
}

#[test]
fn unsigned_evidence_says_so_in_every_view_and_is_refused() {
    let work = tempfile::tempdir().unwrap();
    let facts = Facts { unsigned: true, ..with_logs(1) };
    let folder = stored(&facts, &work.path().join("unsigned"), false);
    let same = stored(&with_logs(1), &work.path().join("signed"), true);
    let names = |folder: &Path| {
        let mut names: Vec<_> = folder.read_dir().unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&folder), names(&same), "the same files, without signatures");
    let public = work.path().join("key.pub");
    std::fs::write(&public, sample::key(KeyKind::P256, 1).verifying_key().to_pem().unwrap()).unwrap();
    let (run, public) = (folder.to_str().unwrap(), public.to_str().unwrap());
    for format in ["text", "markdown", "html", "junit"] {
        assert!(
            output(&["report", run, "--format", format]).contains("UNSIGNED: nobody signed this report"),
            "{format}"
        );
        let signed = output(&["report", same.to_str().unwrap(), "--format", format]);
        assert!(!signed.contains("UNSIGNED"), "{format}");
    }
    let json: serde_json::Value = serde_json::from_str(&output(&["report", run, "--format", "json"])).unwrap();
    assert_eq!(json["unsigned"], true);
    dayfly(&["verify", same.to_str().unwrap(), "--key", public]).success();
    dayfly(&["verify", run, "--key", public]).code(10).stderr(contains("the evidence is UNSIGNED"));
    for file in ["run.intoto.jsonl", "run.sigstore.json", "opened.intoto.jsonl", "suite-acceptance.sigstore.json"] {
        let file = folder.join(file);
        dayfly(&["verify", file.to_str().unwrap(), "--key", public])
            .code(10)
            .stderr(contains("the evidence is UNSIGNED"));
    }
    let refused = dayfly(&["verify", run, "--key", public, "--output", "json"]).code(10);
    let refused: serde_json::Value = serde_json::from_slice(&refused.get_output().stdout).unwrap();
    assert_eq!(refused["verified"], false);
}

#[test]
fn a_signed_run_cannot_be_sealed_again_without_the_key() {
    let work = tempfile::tempdir().unwrap();
    let facts = with_logs(1);
    stored(&facts, work.path(), true);
    assert!(seal(&facts, &raw(), None, None, work.path()).is_err());
}

#[test]
fn shows_the_logs_of_the_newest_run_of_an_environment() {
    let work = tempfile::tempdir().unwrap();
    let older = Facts { traces: vec![], ..with_logs(0x0195_f7a2_6c1e_7d3a_9b44_2f6f_0c8e_1a57) };
    stored(&older, work.path(), true);
    let newer = stored(&with_logs(0x0195_f7a2_6c1f_7d3a_9b44_2f6f_0c8e_1a57), work.path(), true);
    let (evidence, newer) = (work.path().to_str().unwrap(), newer.to_str().unwrap());
    let all = output(&["logs", "demo-pr-12", "--evidence", evidence]);
    assert!(all.contains("file-api   | first\n") && all.contains("file-api-2 | second copy\n"), "{all}");
    assert!(all.contains("acceptance | the suite\n"), "{all}");
    assert_eq!(all, output(&["logs", "--evidence", newer]));
    assert_eq!(output(&["logs", "demo-pr-12", "acceptance", "--evidence", evidence]), "the suite\n");
    assert_eq!(output(&["logs", "file-api-2", "--evidence", newer]), "second copy\n");
    assert_eq!(output(&["logs", "file-api-2", "--evidence", newer, "--tail", "0"]), "");
    let json = output(&["logs", "acceptance", "--evidence", newer, "--output", "json"]);
    assert_eq!(json, "{\"service\":\"acceptance\",\"text\":\"the suite\"}\n");
    dayfly(&["logs", "file-ap", "--evidence", newer]).code(2).stderr(contains("did you mean `file-api`?"));
    dayfly(&["logs", "../demo-pr-12", "file-api", "--evidence", evidence]).code(2);
    dayfly(&["logs", "--evidence", evidence]).code(2).stderr(contains("holds 2 runs"));
    dayfly(&["logs"]).code(2);
}

#[test]
fn logs_of_past_runs_are_inert_and_unchanged() {
    let work = tempfile::tempdir().unwrap();
    let folder = stored(&with_logs(1), work.path(), true);
    let arguments = ["logs", "file-api", "--evidence", folder.to_str().unwrap()];
    let text = output(&arguments);
    assert!(text.contains("first") && text.contains("last"), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('\r') && !text.contains("\n::error::"), "{text:?}");
    std::fs::write(folder.join("raw").join(sample::digest(HOSTILE)), "forged\n").unwrap();
    dayfly(&arguments).code(2).stderr(contains("was changed after the run"));
    std::fs::remove_file(folder.join("raw").join(sample::digest(HOSTILE))).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", folder.join("raw").join(sample::digest(HOSTILE))).unwrap();
    dayfly(&arguments).code(2).stderr(contains("symbolic link"));
}

#[test]
fn reports_link_to_the_change_and_the_job() {
    let work = tempfile::tempdir().unwrap();
    let mut facts = with_logs(1);
    facts.runner.job = Some("https://git.example/team/demo/actions/runs/7".into());
    let repository = facts.change.repository.as_deref();
    facts.links = Links::of(repository, 12, sample::COMMIT, facts.runner.job.as_deref());
    let folder = stored(&facts, work.path(), true);
    let report = |format: &str| output(&["report", folder.to_str().unwrap(), "--format", format]);
    let pull = "https://git.example/team/demo/pull/12";
    assert!(report("text").contains(pull));
    assert!(report("markdown").contains(&format!("[pull request 12](<{pull}>)")), "{}", report("markdown"));
    assert!(report("html").contains(&format!("<a href=\"{pull}\" rel=\"noopener noreferrer\">#12</a>")));
    assert!(report("junit").contains(&format!("name=\"pull-request-url\" value=\"{pull}\"")), "{}", report("junit"));
    let json: serde_json::Value = serde_json::from_str(&report("json")).unwrap();
    assert_eq!(json["links"]["pullRequest"], pull);
    assert_eq!(json["links"]["job"], "https://git.example/team/demo/actions/runs/7");
}

#[test]
fn opens_the_newest_report_in_the_browser_that_the_user_names() {
    use std::os::unix::fs::PermissionsExt;
    let work = tempfile::tempdir().unwrap();
    let evidence = work.path().join("evidence");
    stored(&with_logs(1), &evidence, false);
    let newest = stored(&with_logs(2), &evidence, false);
    let browser = work.path().join("browser");
    std::fs::write(&browser, "#!/bin/sh\n[ \"$1\" = -x ] && cp \"$2\" shown.html && echo noise >&2\n").unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let open = |arguments: &[&str], browser: &str| {
        let mut command = Command::cargo_bin("dayfly").unwrap();
        command
            .current_dir(work.path())
            .env_remove("DAYFLY_EVIDENCE")
            .env("BROWSER", browser)
            .env("TMPDIR", work.path());
        command.arg("open").args(arguments).assert()
    };
    let named = format!("{} -x:other", browser.display());
    let environment = newest.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    for arguments in [&[][..], &[environment.as_str()], &[newest.to_str().unwrap()]] {
        let opened = open(arguments, &named).success().stderr(contains("not verified"));
        let told = String::from_utf8(opened.get_output().stdout.clone()).unwrap();
        let page = std::fs::read_to_string(told.trim()).unwrap();
        assert_eq!(page, std::fs::read_to_string(work.path().join("shown.html")).unwrap());
        assert!(page.contains(newest.file_name().unwrap().to_str().unwrap()));
        assert_eq!(std::fs::metadata(told.trim()).unwrap().permissions().mode() & 0o777, 0o600);
    }
    open(&["nothing-pr-1"], &named).code(2).stderr(contains("there is no run of nothing-pr-1"));
    open(&[], "false").code(1).stderr(contains("false failed")).stderr(contains("set BROWSER"));
    open(&[], "/no/such").code(1).stderr(contains("failed to start /no/such"));
}
