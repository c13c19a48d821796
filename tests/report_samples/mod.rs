//! Sample facts of runs, for the tests of the report formats.
#![allow(dead_code)]

use dayfly::engine::{EngineInfo, EngineKind, Residual};
use dayfly::model::{ImageFact, Verdict};
use dayfly::plan::{Confinement, Limits, UnitKind};
use dayfly::report::facts::*;
use dayfly::spec::model::SuiteKind;
use dayfly::testing;
use jiff::{SignedDuration, Timestamp};

pub fn at(ms: i64) -> Timestamp {
    "2026-03-04T10:15:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_millis(ms)
}

fn digest(of: &str) -> String {
    of.bytes().cycle().take(32).map(|b| format!("{:02x}", b.wrapping_mul(37).wrapping_add(11))).collect()
}

fn unit(name: &str, kind: UnitKind, needs: &[&str], started: i64, ready: i64) -> UnitFact {
    let image = match kind {
        UnitKind::Service | UnitKind::Job => format!("registry.example.org/tsd/{name}:1.4.2"),
        UnitKind::Broker => "docker.io/library/rabbitmq:4.1".into(),
        UnitKind::Database => "docker.io/library/postgres:17".into(),
        UnitKind::Backing(kind) => format!("docker.io/library/{}:7", kind.noun()),
    };
    UnitFact {
        name: name.into(),
        kind,
        running_digest: Some(format!("sha256:{}", digest(&image))),
        image,
        needs: needs.iter().map(|n| (*n).into()).collect(),
        replicas: 1,
        limits: Limits { memory: 256 * 1024 * 1024, cpu_millis: 500, pids: 128 },
        confinement: Confinement { user: Some("10001:10001".into()), ..Confinement::default() },
        started: Some(at(started)),
        ready: Some(at(ready)),
        failure: None,
        last_log: vec![],
    }
}

fn units() -> Vec<UnitFact> {
    use UnitKind::{Broker, Database, Service};
    let mut units = vec![
        unit("pg-iam", Database, &[], 2_100, 7_900),
        unit("pg-data", Database, &[], 2_150, 8_400),
        unit("mq", Broker, &[], 2_200, 21_300),
        unit("authz", Service, &["pg-iam"], 7_950, 10_200),
        unit("auth-api", Service, &["pg-iam"], 7_960, 9_700),
        unit("file-api", Service, &["pg-data", "mq"], 21_350, 25_900),
        unit("edge-proxy", Service, &["authz"], 10_250, 11_900),
        unit("audit-writer", Service, &["pg-data", "mq"], 21_360, 23_800),
        unit("survey-consumer", Service, &["mq", "edge-proxy"], 21_370, 24_400),
        unit("mq-bridge", Service, &["mq"], 21_380, 26_700),
    ];
    units[2].confinement.writable_root = true;
    units[2].confinement.reason = Some("the image's start script rewrites its own configuration".into());
    units[2].limits.memory = 512 * 1024 * 1024;
    units[0].confinement.capabilities = vec!["CHOWN".into(), "SETUID".into()];
    units[0].confinement.root = true;
    units[0].confinement.reason = Some("initdb takes over its data folder before it drops root".into());
    units[5].replicas = 2;
    units
}

fn case(id: &str, name: &str, start: i64, took: u64) -> CaseFact {
    let step = |did: &str, saw: &str, took_ms| StepFact {
        did: did.into(),
        saw: saw.into(),
        verdict: Verdict::Passed,
        took_ms,
    };
    CaseFact {
        name: name.into(),
        started: Some(at(start)),
        took_ms: took,
        steps: vec![
            step("POST https://edge-proxy:8443/v1/p11/files", "201 Created in 38 ms", took / 3),
            step("expect one message on ex_files", "k.v1.p11.files, 312 bytes", took / 2),
        ],
        source: Some(format!("environments/tsd/environment.yaml:{}", 100 + start / 1000)),
        ..testing::case_fact(id)
    }
}

fn failure(step: &str, expected: &str, got: &str, waited_ms: u64, line: u32) -> CaseFailure {
    CaseFailure {
        step: step.into(),
        expected: expected.into(),
        got: got.into(),
        waited_ms,
        source: Some(format!("environments/tsd/environment.yaml:{line}")),
    }
}

fn suite(name: &str, kind: SuiteKind, start: i64, end: i64, cases: Vec<CaseFact>) -> SuiteFact {
    SuiteFact {
        name: name.into(),
        kind,
        digest: digest(name),
        verdict: Some(cases.iter().filter_map(|c| c.verdict).max().unwrap_or(Verdict::Inconclusive)),
        reason: None,
        started: at(start),
        finished: Some(at(end)),
        cases,
        scans: vec![],
        may_end: vec![],
        raw: vec![RawFile {
            name: "suite.log".into(),
            media_type: "text/plain".into(),
            sha256: digest("log"),
            size: 18_204,
            unit: Some(name.into()),
            path: None,
        }],
        ignored: vec![],
        source: Some("environments/tsd/environment.yaml:96".into()),
        confinement: None,
        origin: None,
    }
}

fn spread(prefix: &str, names: &[&str], start: i64, each: i64) -> Vec<CaseFact> {
    let took = |i: usize| (each * (3 + (i as i64 * 7) % 6) / 9) as u64;
    names
        .iter()
        .enumerate()
        .map(|(i, n)| case(&format!("{prefix}{}", i + 1), n, start + i as i64 * each, took(i)))
        .collect()
}

fn acceptance() -> Vec<&'static str> {
    vec![
        "an uploaded file comes back with the same SHA-256",
        "one event on ex_files, of exact key and shape",
        "an audit row within 5 s, visible over HTTP",
        "a survey row with an identifier is processed by the consumer",
        "reading publishes nothing",
        "a chunk out of order is refused, and resuming completes",
        "a restart of the broker loses no event",
        "an event arrives although the broker started 60 s late",
        "a repeated message_id makes one row",
        "a poison message is set aside and the next is processed",
        "a revoked grant is refused within 5 s",
        "delete and restore make two audit events",
        "the bridge delivers, ids rewritten",
        "no message carries payload bytes",
    ]
}

fn security() -> Vec<&'static str> {
    vec![
        "no, garbled and expired tokens are refused",
        "forged and unsigned tokens are refused",
        "a token of p11 is refused on p12 and makes no file",
        "a foreign group is refused",
        "an encoded ../ leaves nothing outside the tenant's folder",
        "admin and test routes cannot be reached at the edge",
        "file-api answers only its declared callers",
        "guest is refused",
        "a foreign vhost is refused",
        "a publisher cannot read, a consumer cannot publish",
        "plain AMQP is closed to services",
        "there is no way out by address, name or DNS",
        "a neighbour cannot reach this environment",
        "every service is confined",
    ]
}

/// Ten units, four suites, forty cases, all passed; one case at its second attempt.
pub fn passed() -> Facts {
    let mut suites = vec![
        suite("acceptance", SuiteKind::Acceptance, 27_000, 92_000, spread("A", &acceptance(), 27_200, 4_600)),
        suite("security", SuiteKind::Security, 92_100, 128_000, spread("S", &security(), 92_300, 2_500)),
        suite("api-tests", SuiteKind::Acceptance, 128_200, 151_000, vec![]),
        suite(
            "dependencies",
            SuiteKind::Security,
            128_200,
            143_500,
            spread("D", &["the advisory database is not older than allowed", "no package was skipped"], 128_900, 7_000),
        ),
    ];
    suites[2].cases = (1..=10)
        .map(|i| {
            case(&format!("tests.test_files.test_upload_{i}"), &format!("test_upload_{i}"), 129_000 + i * 2_000, 1_400)
        })
        .collect();
    for case in &mut suites[2].cases {
        (case.steps, case.source, case.started) = (vec![], None, None);
    }
    suites[2].verdict = Some(Verdict::Passed);
    suites[2].ignored = vec!["coverage.xml: its root element is <coverage>, not <testsuites> or <testsuite>".into()];
    let a7 = &mut suites[0].cases[6];
    (a7.attempts, a7.failed_attempts) = (2, 1);
    let got = "no connection to mq:5671 within 5 s";
    a7.failures = vec![failure("attempt 1: expect one message on ex_files", "key k.v1.p11.files", got, 5_000, 190)];
    for case in &mut suites[1].cases {
        case.controls = vec!["the same request with a valid token".into()];
    }
    let facts = Facts {
        schema_version: SCHEMA_VERSION,
        links: Links::default(),
        unsigned: false,
        run: "0195f7a2-6c1e-7d3a-9b44-2f6f0c8e1a57".parse().unwrap(),
        environment: "tsd-pr-42".into(),
        description: "tsd".into(),
        description_digest: digest("tsd"),
        description_path: "environments/tsd/environment.yaml".into(),
        policy: None,
        not_selected: vec![],
        left_out: vec![],
        access_ports: vec![],
        unit_ends: vec![],
        change: Change {
            repository: Some("https://git.example.org/tsd/platform".into()),
            pr: 42,
            commit: "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d".into(),
            ..Change::default()
        },
        engine: EngineKind::Local,
        engine_info: Some(EngineInfo {
            product: "podman".into(),
            version: "4.3.1".into(),
            endpoint: "unix:///run/podman/podman.sock".into(),
            gaps: vec![
                "The host is reachable through the bridge's gateway address.".into(),
                "Names outside the environment are forwarded by the engine's DNS.".into(),
            ],
        }),
        runner: Runner {
            name: "dayfly".into(),
            version: "0.1.0".into(),
            job: Some("https://git.example.org/tsd/platform/-/jobs/9917".into()),
            actor: Some("reviewer".into()),
        },
        started: at(0),
        finished: Some(at(158_400)),
        access: access(),
        images: units().iter().map(|u| (u.image.clone(), image(&u.image))).collect(),
        units: units(),
        suites,
        events: events(),
        causes: vec![],
        residual: vec![],
        removed: Some(at(158_300)),
        kept: None,
        taken_over: None,
        requester: None,
        traces: vec![],
    };
    let Change { repository, pr, commit, .. } = &facts.change;
    Facts { links: Links::of(repository.as_deref(), *pr, commit, facts.runner.job.as_deref()), ..facts }
}

fn image(reference: &str) -> ImageFact {
    let user = if reference.contains("library") { "" } else { "10001" };
    ImageFact {
        reference: reference.into(),
        digest: format!("sha256:{}", digest(reference)),
        platform: "linux/amd64".into(),
        user: Some(user.into()),
        built_from: None,
    }
}

fn access() -> Vec<(String, String)> {
    let pairs = [
        ("authz", "pg-iam"),
        ("auth-api", "pg-iam"),
        ("authz", "file-api"),
        ("edge-proxy", "authz"),
        ("file-api", "pg-data"),
        ("file-api", "mq"),
        ("audit-writer", "mq"),
        ("audit-writer", "pg-data"),
        ("survey-consumer", "mq"),
        ("survey-consumer", "edge-proxy"),
        ("mq-bridge", "mq"),
        ("acceptance", "edge-proxy"),
        ("acceptance", "auth-api"),
        ("acceptance", "audit-writer"),
        ("acceptance", "mq"),
        ("security", "edge-proxy"),
        ("security", "auth-api"),
        ("security", "mq"),
        ("api-tests", "edge-proxy"),
    ];
    pairs.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect()
}

fn events() -> Vec<Event> {
    let e = |ms, about: Option<&str>, text: &str| Event { at: at(ms), about: about.map(Into::into), text: text.into() };
    vec![
        e(0, None, "claimed tsd-pr-42"),
        e(2_050, None, "created networks, volumes, secrets and containers"),
        e(21_300, Some("mq"), "ready after 19100 ms"),
        e(26_700, None, "every service is ready after 26700 ms"),
        e(58_000, Some("mq"), "stopped by a suite"),
        e(151_000, Some("api-tests"), "suite ended: passed"),
        e(158_300, None, "removed everything in 7000 ms"),
    ]
}

/// Acceptance and security fail, and one object cannot be removed.
pub fn failed() -> Facts {
    let mut facts = passed();
    let a2 = &mut facts.suites[0].cases[1];
    a2.verdict = Some(Verdict::Failed);
    (a2.attempts, a2.failed_attempts) = (2, 2);
    a2.failures = vec![failure(
        "expect one message on ex_files",
        "key k.v1.p11.files, data.path = $.path, properties message_id and timestamp",
        "one message with key k.v1.p11.file:\n{\"method\":\"PUT\",\"uri\":\"/v1/p11/files/a.txt\",\"data\":{\"path\":\"a.txt\"}}",
        5_000,
        131,
    )];
    a2.failures.push(failure("attempt 1: PUT http://file-api:8080/v1/p11/files/a.txt", "201", "503", 900, 128));
    a2.steps[1].verdict = Verdict::Failed;
    let a3 = &mut facts.suites[0].cases[2];
    a3.verdict = Some(Verdict::Failed);
    a3.failures = vec![failure(
        "GET http://audit-writer:8085/rows?path=a.txt",
        "status 200 and one row",
        "status 200 and no row; the last answer was []",
        5_012,
        139,
    )];
    let s12 = &mut facts.suites[1].cases[11];
    s12.verdict = Some(Verdict::Failed);
    s12.failures = vec![failure(
        "no way out",
        "no connection to the host, to external addresses or to external names",
        "file-api reached 10.89.3.1:41873",
        2_004,
        240,
    )];
    let s13 = &mut facts.suites[1].cases[12];
    s13.verdict = Some(Verdict::Inconclusive);
    s13.failures = vec![failure(
        "no way to another environment",
        "no connection to another environment",
        "failed to start an agent: no address left in 10.89.0.0/16",
        30_000,
        246,
    )];
    let t4 = &mut facts.suites[2].cases[3];
    t4.verdict = Some(Verdict::Failed);
    let trace = (1..=30)
        .map(|i| format!("tests/test_files.py:{i}: in upload\n    assert response.status == 201"))
        .collect::<Vec<_>>()
        .join("\n");
    t4.failures = vec![CaseFailure {
        step: "failure".into(),
        expected: "the test passes".into(),
        got: format!("AssertionError: 500 != 201\n{trace}"),
        waited_ms: 1_400,
        source: None,
    }];
    facts.suites[2].cases[8].verdict = None;
    facts.suites[3].reason = Some("unreadable results: audit.xml: it is truncated: not all elements are closed".into());
    facts.suites[3].verdict = Some(Verdict::Inconclusive);
    for suite in &mut facts.suites[..3] {
        suite.verdict = suite.cases.iter().filter_map(|c| c.verdict).max();
    }
    let cause = |kind, text: &str| Cause { kind, text: text.into() };
    facts.causes = vec![
        cause(CauseKind::AcceptanceFailed, "suite acceptance failed (A2, A3)"),
        cause(CauseKind::SecurityFailed, "suite security failed (S12)"),
        cause(CauseKind::AcceptanceFailed, "suite api-tests failed (tests.test_files.test_upload_4)"),
        cause(
            CauseKind::Inconclusive,
            "suite dependencies could not be judged: unreadable results: audit.xml: it is truncated: not all elements are closed",
        ),
        cause(CauseKind::TeardownIncomplete, "could not remove network tsd-pr-42-mq"),
    ];
    facts.residual = vec![Residual {
        object: "network tsd-pr-42-mq".into(),
        reason: "it is in use by container debug-shell, which is not dayfly's".into(),
    }];
    facts.removed = None;
    facts.suites[0].cases[1].clues = Clues {
        likely_cause: Some("mq refused file-api: write access to exchange ex_files in vhost tsd-internal".into()),
        units: ["edge-proxy", "mq", "file-api"].map(str::to_owned).to_vec(),
        ended: vec!["authz: its process exited with code 3 at 10:15:49".into()],
        lines: vec![
            Clue { unit: "mq".into(), at: at(49_000), text: "[error] operation basic.publish caused a channel exception access_refused: \"access to exchange 'ex_files' in vhost 'tsd-internal' refused for user 'file-api'\"".into(), times: 1 },
            Clue { unit: "file-api".into(), at: at(48_500), text: r#"{"event": "broker away", "error": "ChannelAccessRefused"}"#.into(), times: 12 },
        ],
        left_out: 3,
        gaps: vec!["authz: it restarted 2 times, and only the log of the last process is left".into()],
    };
    facts.traces = vec![log_file("file-api.log"), log_file("mq.log")];
    facts
}

fn log_file(name: &str) -> RawFile {
    RawFile {
        name: name.into(),
        media_type: "text/plain".into(),
        sha256: digest(name),
        size: 4_711,
        unit: None,
        path: Some(format!("raw/{}", digest(name))),
    }
}

/// The only suite produced no test results.
pub fn inconclusive() -> Facts {
    let mut facts = passed();
    facts.suites.truncate(1);
    facts.suites[0].cases.clear();
    facts.suites[0].verdict = Some(Verdict::Inconclusive);
    facts.suites[0].reason = Some("no test results found; the suite exited with code 5".into());
    facts.causes = vec![Cause {
        kind: CauseKind::Inconclusive,
        text: "suite acceptance could not be judged: no test results found; the suite exited with code 5".into(),
    }];
    facts.kept = Some("--keep on-failure".into());
    facts.removed = None;
    facts
}

/// A unit did not become ready; no suite ran.
pub fn error() -> Facts {
    let mut facts = passed();
    facts.suites.clear();
    facts.access.retain(|(from, _)| facts.units.iter().any(|u| u.name == *from));
    facts.finished = Some(at(96_000));
    facts.removed = Some(at(95_000));
    let file_api = &mut facts.units[5];
    file_api.ready = None;
    file_api.failure =
        Some("not ready within 60 s: expected file-api to answer /health with a status from 200 to 299; last answer: GET http://file-api:3003/health: 503 Service Unavailable".into());
    file_api.last_log = vec![
        "INFO listening on 3003".into(),
        "WARN broker: ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN".into(),
        "ERROR exchange ex_files is not there".into(),
    ];
    for i in [7, 8, 9] {
        facts.units[i].ready = None;
    }
    facts.units[9].started = None;
    facts.causes = vec![Cause {
        kind: CauseKind::NotReady,
        text: format!("file-api: {}", facts.units[5].failure.as_deref().unwrap()),
    }];
    facts
}

/// A newer run of the same pull request replaced this run during a suite.
pub fn aborted() -> Facts {
    let mut facts = passed();
    facts.suites.truncate(2);
    facts.suites[1].cases.truncate(5);
    facts.suites[1].verdict = None;
    facts.suites[1].finished = None;
    facts.finished = Some(at(108_000));
    facts.events.truncate(5);
    facts.removed = None;
    facts.causes = vec![Cause {
        kind: CauseKind::Superseded,
        text: "newer run 0195f7a4-1111-7d3a-9b44-2f6f0c8e1a57 (commit 77aa88bb) owns this environment; this run stopped and removes nothing".into(),
    }];
    facts
}

/// Text with every kind of attack.
pub const EVIL: &str = "<script>fetch('http://evil.example/x')</script><img src=http://evil.example/p.png onerror=alert(1)>\"'`{{7*7}} ]]> &amp; | @everyone #1 ::error::x\u{1b}[2J\u{202e}\r\n::warning file=x::y\n##[group]g\n# h";

/// Every piece of text is hostile.
pub fn hostile() -> Facts {
    let mut facts = failed();
    facts.suites.truncate(1);
    facts.suites[0].cases.truncate(2);
    facts.units.truncate(3);
    facts.access.truncate(2);
    let evil = |what: &str| format!("{what} {EVIL}");
    facts.environment = evil("environment");
    facts.description_path = evil("path");
    facts.change = Change { repository: Some(evil("repository")), pr: 42, commit: evil("commit"), ..Change::default() };
    facts.runner.job = Some(evil("job"));
    let link = |address: &str| Some(address.to_owned());
    facts.links = Links {
        repository: link("javascript:alert(1)"),
        pull_request: link("https://evil.test/\" onclick=\"alert(1)"),
        commit: link("https://evil.test/)[x](https://evil.test"),
        job: link("https://user:password@evil.test/"),
    };
    facts.access.push((evil("from"), evil("to")));
    facts.units[0].name = evil("unit");
    facts.units[0].confinement.reason = Some(evil("reason"));
    facts.units[1].failure = Some(evil("failure"));
    facts.units[1].last_log = vec![evil("log"), "```\n</details>".into()];
    let info = facts.engine_info.as_mut().unwrap();
    (info.product, info.gaps) = (evil("product"), vec![evil("cannot")]);
    facts.images.insert(
        evil("image"),
        ImageFact {
            reference: evil("image"),
            digest: evil("digest"),
            platform: evil("p"),
            user: Some(evil("u")),
            built_from: None,
        },
    );
    let suite = &mut facts.suites[0];
    (suite.name, suite.reason, suite.source) = (evil("suite"), Some(evil("why")), Some(evil("source")));
    suite.raw[0].name = evil("raw");
    let case = &mut suite.cases[1];
    (case.id, case.name, case.source) = (evil("id"), evil("name"), Some(evil("at")));
    case.failures = vec![CaseFailure {
        step: evil("step"),
        expected: evil("expected"),
        got: evil("got"),
        waited_ms: 1,
        source: Some(format!("{}:7", evil("file"))),
    }];
    case.steps[0].did = evil("did");
    case.steps[0].saw = evil("saw");
    case.controls = vec![evil("control")];
    case.clues = Clues {
        likely_cause: Some(evil("likely")),
        units: vec![evil("involved")],
        ended: vec![evil("ended")],
        lines: vec![Clue { unit: evil("logger"), at: at(1), text: evil("line"), times: 2 }],
        left_out: 0,
        gaps: vec![evil("gap")],
    };
    facts.traces = vec![log_file(&evil("trace"))];
    facts.events = vec![Event { at: at(10), about: Some(evil("about")), text: evil("event") }];
    facts.causes[0].text = evil("cause");
    facts.residual = vec![Residual { object: evil("object"), reason: evil("reason") }];
    facts.kept = Some(evil("kept"));
    facts
}

pub fn all() -> Vec<(&'static str, Facts)> {
    vec![
        ("passed", passed()),
        ("failed", failed()),
        ("inconclusive", inconclusive()),
        ("error", error()),
        ("aborted", aborted()),
        ("hostile", hostile()),
    ]
}
