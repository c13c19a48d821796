//! Descriptions: every diagnostic with its location, hostile input, templates, plans. No engine, no network.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use dayfly::plan::{UnitKind, build, text};
use dayfly::spec::{self, Diagnostics, Overrides, ValidDescription};

fn shop() -> PathBuf {
    PathBuf::from("tests/fixtures/spec/shop")
}

fn load_shop(overrides: &Overrides) -> ValidDescription {
    spec::load(&shop(), overrides).unwrap_or_else(|f| panic!("{}", f.render(false)))
}

fn overrides(set: &[(&str, &str)], images: &[(&str, &str)]) -> Overrides {
    let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    Overrides { set: owned(set), images: owned(images), pr: Some(7), ..Overrides::default() }
}

#[test]
fn explains_every_error_of_a_description() {
    let mut files: Vec<_> =
        Path::new("tests/fixtures/spec/faulty").read_dir().unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    assert!(files.len() > 15, "the fixtures are there");
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let errors = spec::load(&file, &Overrides::default()).expect_err(&name);
        insta::assert_snapshot!(format!("faulty__{name}"), errors.render(false));
    }
}

#[test]
fn accepts_the_shop_and_knows_its_locations() {
    let valid = load_shop(&overrides(&[], &[]));
    assert_eq!(valid.environment.services["api"].image, "registry.example/shop/api:1.4");
    assert_eq!(valid.environment.services["api"].env["WHERE"], "shop-pr-7");
    assert_eq!(valid.files["api.toml"], b"listen = \"0.0.0.0:8080\"\n");
    let text = std::fs::read_to_string(&valid.path).unwrap();
    let line_of = |path: &str| text.lines().nth(valid.locations[path].0 - 1).unwrap().trim();
    assert_eq!(line_of("suites.acceptance"), "acceptance:");
    assert_eq!(line_of("suites.acceptance.cases[0]"), "- id: A1");
    assert_eq!(line_of("suites.security.cases[0].steps[0]"), "- name: the service answers");
    assert_eq!(line_of("suites.security.cases[0].cleanup[0].noSecretsLeaked"), "- noSecretsLeaked: {}");
    assert_eq!(
        line_of("services.api.files[\"/etc/dayfly/api.toml\"].path"),
        "/etc/dayfly/api.toml: { path: api.toml }"
    );
}

#[test]
fn only_values_images_and_files_change_the_digest() {
    let digest = |o: &Overrides| load_shop(o).digest;
    let first = digest(&overrides(&[], &[]));
    assert_eq!(first, digest(&overrides(&[("tag", "1.4")], &[])));
    assert_ne!(first, digest(&overrides(&[("tag", "1.5")], &[])));
    assert_ne!(first, digest(&overrides(&[], &[("scan", "registry.example/shop/scan:2")])));
    assert_eq!(first.len(), 64);

    let folder = tempfile::tempdir().unwrap();
    for entry in shop().read_dir().unwrap() {
        let from = entry.unwrap().path();
        std::fs::copy(&from, folder.path().join(from.file_name().unwrap())).unwrap();
    }
    assert_eq!(first, spec::load(folder.path(), &overrides(&[], &[])).unwrap().digest);
    std::fs::write(folder.path().join("schema.sql"), "select 1;").unwrap();
    assert_ne!(first, spec::load(folder.path(), &overrides(&[], &[])).unwrap().digest);
}

#[test]
fn included_files_are_part_of_the_description() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| std::fs::write(folder.path().join(path), text).unwrap();
    std::fs::create_dir(folder.path().join("suites")).unwrap();
    let yaml = "apiVersion: dayfly.dev/v1alpha1\nkind: Environment\nname: demo\nvalues: { time: 2s }\n\
                suites:\n  all: { include: suites/all.yaml }\n";
    write("environment.yaml", yaml);
    write(
        "suites/all.yaml",
        "kind: acceptance\ncases:\n  - include: suites/only.yaml\n  - { id: B, name: b, steps: [ include: wait.yaml ] }\n",
    );
    write("suites/cases.yaml", "- id: A\n  name: a\n  steps:\n    - include: wait.yaml\n    - noWayOut: {}\n");
    write("suites/only.yaml", "include: suites/cases.yaml\n");
    write("wait.yaml", "- wait: { for: '{{time}}' }\n- wait: { for: 3s }\n");
    let load = || spec::load(folder.path(), &Overrides::default());
    let valid = load().unwrap_or_else(|f| panic!("{}", f.render(false)));
    let steps = |case: usize| serde_json::to_value(&valid.environment.suites["all"].cases[case].steps).unwrap();
    assert_eq!(
        steps(0),
        serde_json::json!([{ "wait": { "for": "2s" } }, { "wait": { "for": "3s" } }, { "noWayOut": { "services": [] } }])
    );
    assert_eq!(steps(1), serde_json::json!([{ "wait": { "for": "2s" } }, { "wait": { "for": "3s" } }]));
    let sources = valid.sources();
    let ends = |place: &str, end: &str| assert!(sources[place].ends_with(end), "{}", sources[place]);
    ends("suites.all", "/environment.yaml:6");
    ends("suites.all.cases[0]", "/suites/cases.yaml:1");
    ends("suites.all.cases[0].steps[1]", "/wait.yaml:2");
    ends("suites.all.cases[0].steps[2]", "/suites/cases.yaml:5");
    ends("suites.all.cases[1].steps[0]", "/wait.yaml:1");
    // They travel with the description, and change its digest.
    assert_eq!(
        valid.files.keys().collect::<Vec<_>>(),
        ["suites/all.yaml", "suites/cases.yaml", "suites/only.yaml", "wait.yaml"]
    );
    let again = spec::load_bytes(Path::new("environment.yaml"), yaml.as_bytes(), &valid.files, &Overrides::default());
    assert_eq!(again.unwrap().digest, valid.digest);
    write("wait.yaml", "- wait: { for: '{{time}}' } # changed\n- wait: { for: 3s }\n");
    assert_ne!(load().unwrap().digest, valid.digest);
    std::fs::rename(folder.path().join("suites"), folder.path().join("moved")).unwrap();
    std::os::unix::fs::symlink("moved", folder.path().join("suites")).unwrap();
    let refused = load().unwrap_err();
    assert!(refused.render(false).contains("a part of its path is a symbolic link"), "{}", refused.render(false));
}

#[test]
fn follows_links_only_within_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "apiVersion: dayfly.dev/v1alpha1\nkind: Environment\nname: demo\n\
                databases: { pg: { image: p, sql: [a.sql] } }\n";
    std::fs::write(folder.path().join("environment.yaml"), yaml).unwrap();
    let link = folder.path().join("a.sql");
    std::os::unix::fs::symlink("/etc/hostname", &link).unwrap();
    let errors = spec::load(folder.path(), &Overrides::default()).unwrap_err();
    assert_eq!(errors.list.len(), 1);
    assert!(errors.list[0].message.contains("leads out"), "{}", errors.list[0].message);
    std::fs::remove_file(&link).unwrap();
    std::fs::write(folder.path().join("b.sql"), "select 1;").unwrap();
    std::os::unix::fs::symlink("b.sql", &link).unwrap();
    assert_eq!(spec::load(folder.path(), &Overrides::default()).unwrap().files["a.sql"], b"select 1;");
}

#[test]
fn errors_of_the_command_line_name_the_option() {
    let mut wrong = overrides(
        &[("tga", "2"), ("workers", "many"), ("tag", "{{x}}")],
        &[("apii", "a:1"), ("acceptance", "a:1"), ("api", "not an image")],
    );
    wrong.ttl = Some("tomorrow".into());
    insta::assert_snapshot!(spec::load(&shop(), &wrong).unwrap_err().render(false));
}

#[test]
fn a_missing_description_is_one_error() {
    insta::assert_snapshot!(
        spec::load(Path::new("tests/fixtures/none.yaml"), &Overrides::default()).unwrap_err().render(false)
    );
}

#[test]
fn overrides_change_units_suites_and_the_ttl() {
    let mut given = overrides(
        &[("tag", "2"), ("workers", "9")],
        &[("mq", "r:9"), ("pg", "p:9"), ("scan", "s:9"), ("worker", "w:9")],
    );
    given.ttl = Some("90m".into());
    let plan = build::build(&load_shop(&given), 7).unwrap();
    let image = |name: &str| plan.unit(name).unwrap().image.clone();
    assert_eq!(
        [image("api"), image("mq"), image("pg"), image("worker")].join(" "),
        "registry.example/shop/api:2 r:9 p:9 w:9"
    );
    assert_eq!(plan.unit("api").unwrap().env["WORKERS"], "9");
    assert!(plan.images().contains("s:9"));
    assert_eq!(plan.ttl_secs, 90 * 60);
}

#[test]
fn plans_the_shop() {
    let plan = build::build(&load_shop(&overrides(&[], &[])), 7).unwrap();
    insta::assert_json_snapshot!("plan__json", plan);
    insta::assert_snapshot!("plan__text", text::summary(&plan));
    insta::assert_snapshot!("plan__graph", text::graph(&plan));
    insta::assert_snapshot!("plan__dot", text::dot(&plan));
    insta::assert_snapshot!("plan__mermaid", text::mermaid(&plan));
}

#[test]
fn units_follow_their_needs_and_may_call_them() {
    let plan = build::build(&load_shop(&overrides(&[], &[])), 7).unwrap();
    let mut before = std::collections::BTreeSet::new();
    for unit in &plan.units {
        assert!(unit.needs.is_subset(&before), "{} comes too early", unit.name);
        for need in &unit.needs {
            let needed = plan.unit(need).unwrap();
            assert_eq!(needed.callers.contains(&unit.name), needed.kind != UnitKind::Job, "{need}");
        }
        before.insert(unit.name.clone());
    }
    assert!(plan.unit("worker").unwrap().needs.contains("mq"), "waiting for consumers needs the broker");
    assert_eq!(plan.reachable_by("scan").map(|u| u.name.as_str()).collect::<Vec<_>>(), ["api"]);
}

#[test]
fn a_plan_is_unchanged_by_json() {
    let plan = build::build(&load_shop(&overrides(&[], &[])), 7).unwrap();
    let again: dayfly::plan::Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(plan, again);
}

#[test]
fn reads_plans_that_call_the_executor_judge() {
    let plan = build::build(&load_shop(&overrides(&[], &[])), 7).unwrap();
    let earlier = serde_json::to_string(&plan).unwrap().replace(r#""executor":"#, r#""judge":"#);
    assert_eq!(serde_json::from_str::<dayfly::plan::Plan>(&earlier).unwrap(), plan);
}

#[test]
fn warns_of_what_is_allowed_but_probably_not_meant() {
    let valid = spec::load(Path::new("tests/fixtures/spec/warned"), &Overrides::default()).unwrap();
    insta::assert_snapshot!("warned", valid.warnings.render(false));
}

#[test]
fn descriptions_without_mistakes_have_no_warnings() {
    for path in ["environments/hello", "environments/tsd", "tests/fixtures/spec/shop"] {
        let valid = spec::load(Path::new(path), &Overrides::default()).unwrap();
        assert!(valid.warnings.list.is_empty(), "{}", valid.warnings.render(false));
    }
}

#[test]
fn diagnostics_are_data() {
    let errors: Diagnostics =
        spec::load(Path::new("tests/fixtures/spec/faulty/duplicates.yaml"), &Overrides::default()).unwrap_err();
    insta::assert_json_snapshot!("diagnostics__data", errors.list);
}

const HEADER: &str = "apiVersion: dayfly.dev/v1alpha1\nkind: Environment\nname: demo\n";

/// Parses on a thread of its own; a minute without an answer counts as hanging.
fn parse_or_hang(bytes: Vec<u8>) -> Result<(), String> {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let parsed = spec::parse::parse(Path::new("environment.yaml"), &bytes, &Overrides::default())
            .and_then(spec::ParsedDescription::finish);
        send.send(parsed.map(drop).map_err(|f| f.render(false)))
    });
    receive.recv_timeout(std::time::Duration::from_secs(60)).expect("an answer, whatever it is")
}

fn refusal(what: &str, bytes: impl Into<Vec<u8>>) -> String {
    let text = parse_or_hang(bytes.into()).expect_err(what);
    assert!(text.len() < 200_000, "{what}: the answer itself is too long");
    text
}

#[test]
fn refuses_alias_bombs() {
    let mut bomb = format!("{HEADER}values: &a0 {{ k: vvvvvvvvvvvvvvvv }}\n");
    for level in 1..20 {
        let aliases = format!("*a{}, ", level - 1).repeat(10);
        bomb.push_str(&format!("x{level}: &a{level} [{aliases}]\n"));
    }
    assert!(refusal("bomb", bomb).contains("more than 30000 values"));
    let long = format!("{HEADER}values: {{ a: &a {}, b: [{}] }}\n", "x".repeat(300_000), "*a, ".repeat(60_000));
    assert!(refusal("long text, often", long).contains("more than 30000 values"));
    assert!(
        refusal("circle", format!("{HEADER}values: &a {{ b: *a }}\n"))
            .contains("this alias is inside the value that it refers to")
    );
}

#[test]
fn refuses_capabilities_with_power_over_the_machine() {
    let service = |capability: &str| {
        format!("{HEADER}services: {{ a: {{ image: x, security: {{ capabilities: [{capability}], reason: x }} }} }}\n")
    };
    for capability in ["SYS_MODULE", "SYS_ADMIN", "DAC_READ_SEARCH", "NET_ADMIN", "SYS_PTRACE"] {
        let said = refusal(capability, service(capability));
        assert!(said.contains(&format!("the capability `{capability}` is never allowed")), "{said}");
    }
    for capability in ["NET_BIND_SERVICE", "CHOWN", "SETUID"] {
        assert_eq!(parse_or_hang(service(capability).into()), Ok(()), "{capability}");
    }
}

#[test]
fn refuses_results_in_folders_of_the_system() {
    let suite = |results: &str| {
        format!(
            "{HEADER}services: {{ a: {{ image: x }} }}\nsuites: {{ s: {{ kind: security, image: x, results: {results} }} }}\n"
        )
    };
    for results in ["/etc", "/run/secrets", "/var/run/x", "/proc/1/root"] {
        assert!(refusal(results, suite(results)).contains("is a folder of the system"), "{results}");
    }
    let plain = parse_or_hang(suite("/var/results").into());
    assert!(plain.is_ok(), "{plain:?}");
}

#[test]
fn servers_keep_what_dayfly_sets() {
    let text = r#"apiVersion: dayfly.dev/v1alpha1
kind: Environment
name: servers
databases:
  pg:
    image: postgres:17
    roles: [app]
    config: { port: 5, work_mem: "9\nport=1", "Work": 1, work_mem_or: ok, pgaudit.log: all, ssl_cert_file: /x }
    env: { PGDATA: /x, TZ: UTC }
    files: { /etc/passwd: { text: x } }
broker:
  image: rabbitmq:4
  config: { listeners.tcp.default: 1, management.load_definitions: /x, consumer_timeout: 9 }
  env: { RABBITMQ_DEFAULT_PASS: x }
  files: { /etc/dayfly/x: { text: '{{secret "pg.app"}}' } }
"#;
    let said = refusal("servers", text);
    for expected in [
        "the directive `port` cannot be set",
        "the value of `work_mem` is not one line",
        "`Work` is not a directive of PostgreSQL",
        "the directive `ssl_cert_file` cannot be set",
        "dayfly sets the variable `PGDATA`",
        "`/etc/passwd` is not a path for a file",
        "the directive `listeners.tcp.default` cannot be set",
        "the directive `management.load_definitions` cannot be set",
        "dayfly sets the variable `RABBITMQ_DEFAULT_PASS`",
        "a secret cannot be inserted here",
        "10 errors",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn refuses_deep_nesting_in_both_notations() {
    let deepest = |text: String| assert!(refusal("deep", text).contains("64 levels deep"));
    deepest(format!("{HEADER}values: {}1{}\n", "[".repeat(100_000), "]".repeat(100_000)));
    deepest(format!("{HEADER}values: {}", "{a: ".repeat(100_000)));
    deepest((0..500).map(|i| format!("{}a:\n", " ".repeat(i))).collect());
    deepest(format!("{HEADER}values:\n  {}1\n", "- ".repeat(400)));
    let half = |name: &str, inner: &str| format!("{name}: &{name} {}{inner}{}\n", "[".repeat(40), "]".repeat(40));
    deepest(format!("{HEADER}{}{}", half("one", "1"), half("two", "*one")));
}

#[test]
fn refuses_binary_and_large_input() {
    assert!(refusal("binary", vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0]).contains("not UTF-8 text: byte 8"));
    assert!(refusal("latin-1", b"name: Troms\xf8".to_vec()).contains("not UTF-8 text: byte 12"));
    assert!(refusal("utf-16", b"\xff\xfen\0a\0m\0e\0".to_vec()).contains("not UTF-8 text: byte 1"));
    assert!(refusal("10 MB", vec![b'a'; 10_000_000]).contains("larger than 1024 KiB"));
    assert!(
        refusal("many values", format!("{HEADER}values: [{}]\n", "1,".repeat(500_000)))
            .contains("more than 30000 values")
    );
    assert!(refusal("comments only", "# nothing\n").contains("is empty"));
}

#[test]
fn refuses_large_files_unread_and_folders_without_a_description() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.yaml");
    std::fs::File::create(&large).unwrap().set_len(1 << 40).unwrap();
    let message = |path: &Path| spec::load(path, &Overrides::default()).unwrap_err().list[0].message.clone();
    assert!(message(&large).contains("larger than 1024 KiB"));
    assert!(message(folder.path()).contains("no such file"));
    assert!(message(Path::new("/dev/zero")).contains("it is not a regular file"));
}

#[test]
fn shows_two_hundred_errors_and_counts_the_others() {
    let services: String = (0..4_000).map(|i| format!("  s{i}: {{ image: a, needs: [t{i}] }}\n")).collect();
    let text = refusal("unknown needs", format!("{HEADER}services:\n{services}"));
    assert!(
        text.ends_with("… and 3801 more that are not shown\n\n4001 errors in environment.yaml\n"),
        "{}",
        &text[text.len() - 200..]
    );
    let keys: String = (0..12_000).map(|i| format!("k{i}: 1\n")).collect();
    assert!(refusal("unknown keys", format!("{HEADER}{keys}")).contains("12000 errors"));
    let one_line = format!("{HEADER}values: {{ {} }}\n", "a: 1, ".repeat(12_000));
    assert!(refusal("one long line", one_line).contains("11999 errors"));
}

#[test]
fn long_chains_cycles_and_templates_neither_hang_nor_overflow() {
    let chain: String =
        (0..4_000).map(|i| format!("  s{i}: {{ image: a, needs: [s{}] }}\n", (i + 1) % 4_000)).collect();
    assert!(refusal("one great circle", format!("{HEADER}services:\n{chain}")).contains("these units need each other"));
    let open = chain.replace("needs: [s0]", "needs: []");
    assert!(
        refusal("one long chain", format!("{HEADER}services:\n{open}")).ends_with("\n1 error in environment.yaml\n")
    );
    let pattern: String =
        (0..2_000).map(|i| format!("u{i}: {{ permissions: {{ v: {{ read: '(\\w{{900}}){{900}}' }} }} }}, ")).collect();
    let broker = format!("{HEADER}broker: {{ image: r, vhosts: {{ v: {{}} }}, users: {{ {pattern} }} }}\n");
    assert!(refusal("large patterns", broker).contains("200 errors"));
    let nested = format!("{HEADER}services: {{ a: {{ image: '{{{{{}' }} }}\n", "(a ".repeat(200_000));
    assert!(refusal("nested expression", nested).contains("not a template"));
    let growing = format!(
        "{HEADER}values: {{ v: {} }}\nservices: {{ a: {{ image: '{}' }} }}\n",
        "x".repeat(4000),
        "{{v}}".repeat(50_000)
    );
    assert!(refusal("growing text", growing).contains("insert too much"));
    let many = format!(
        "{HEADER}values: {{ v: x }}\nservices: {{ a: {{ image: a, command: ['{}'] }} }}\n",
        "{{v}}".repeat(8_000)
    );
    parse_or_hang(many.into_bytes()).unwrap();
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str, given: &Overrides) -> Result<spec::model::Environment, Diagnostics> {
        spec::parse::parse(Path::new("environment.yaml"), text.as_bytes(), given)
            .and_then(spec::ParsedDescription::finish)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn never_panics_on_any_text(text in "\\PC{0,300}|[-a-z{}\\[\\]:,&*!|>'\"#%@ \n\t]{0,300}") {
            if let Err(errors) = parse(&text, &Overrides::default()) {
                prop_assert!(errors.render(false).contains("error"));
            }
        }

        #[test]
        fn never_panics_on_a_damaged_description(from in 0usize..2600, length in 0usize..60, patch in "\\PC{0,12}|[-{}\\[\\]:,&*|>'\" \n]{0,12}") {
            let good = std::fs::read_to_string(shop().join("environment.yaml")).unwrap();
            let from = (0..=from.min(good.len())).rev().find(|i| good.is_char_boundary(*i)).unwrap();
            let to = (from + length).min(good.len());
            let to = (from..=to).rev().find(|i| good.is_char_boundary(*i)).unwrap();
            let damaged = format!("{}{patch}{}", &good[..from], &good[to..]);
            if let Err(errors) = parse(&damaged, &Overrides::default()) {
                let text = errors.render(true);
                prop_assert!(!text.contains("compare it with"), "an error that the schema check should have explained:\n{text}\n{damaged}");
            }
        }

        #[test]
        fn a_value_never_leaves_its_scalar(value in "[-a-z:{}\\[\\],&*!|>'\"#%@\\\\$ \n\t]{0,80}") {
            prop_assume!(!value.contains("{{"));
            let text = format!("{HEADER}values: {{ v: x }}\nservices:\n  api:\n    image: a\n    env: {{ A: 'before {{{{v}}}} after', B: b }}\n    command: ['{{{{v}}}}', last]\n");
            let given = Overrides { set: vec![("v".into(), value.clone())], ..Overrides::default() };
            let environment = parse(&text, &given).map_err(|f| TestCaseError::fail(f.render(false)))?;
            let plain = parse(&text, &Overrides::default()).map_err(|f| TestCaseError::fail(f.render(false)))?;
            let mut expected = plain.clone();
            expected.values.insert("v".into(), spec::model::Scalar::Text(value.clone()));
            let api = expected.services.get_mut("api").unwrap();
            api.env.insert("A".into(), format!("before {value} after"));
            api.command = vec![value, "last".into()];
            prop_assert_eq!(environment, expected);
        }
    }
}

#[test]
fn leaves_run_time_expressions_to_the_runner() {
    let valid = load_shop(&overrides(&[], &[]));
    let steps = serde_json::to_value(&valid.environment.suites["acceptance"].cases[0].steps[0]).unwrap();
    assert_eq!(steps["http"]["headers"]["authorization"], "Bearer {{secret \"jwt-key\"}}");
    assert_eq!(steps["http"]["json"], serde_json::json!({ "id": "${id}", "tag": "1.4" }));
}

#[test]
fn matches_the_schema() {
    let schema = spec::schema::schema();
    insta::assert_json_snapshot!("schema__step", schema["$defs"]["Step"]);
    insta::assert_json_snapshot!("schema__top", schema["properties"]);
    let for_editors = spec::schema::with_inclusions();
    let include = serde_json::json!({ "$ref": "#/$defs/Include" });
    for place in [
        "/properties/suites/additionalProperties",
        "/$defs/Suite/properties/cases",
        "/$defs/Case/properties/steps/items",
    ] {
        assert_eq!(for_editors.pointer(&format!("{place}/anyOf/1")), Some(&include), "{place}");
    }
    let documented = schema["$defs"].as_object().unwrap().iter().filter(|(_, d)| d["description"].is_null()).count();
    assert_eq!(documented, 0, "every definition has a description");
}

#[test]
fn accepts_the_example_of_the_schema() {
    let example = spec::schema::schema()["examples"][0].to_string();
    parse_or_hang(example.into_bytes()).unwrap();
}

#[test]
fn validate_and_plan_exit_with_their_codes() {
    let code = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("dayfly").unwrap();
        command.args(arguments).args(["--policy", "tests/fixtures/policy.yaml"]).output().unwrap().status.code()
    };
    let (good, bad) = ("tests/fixtures/spec/shop", "tests/fixtures/spec/faulty/many.yaml");
    assert_eq!([code(&["validate", good]), code(&["validate", good, "--output", "json"])], [Some(0); 2]);
    assert_eq!([code(&["validate", bad]), code(&["validate", bad, "--output", "json"])], [Some(2); 2]);
    assert_eq!(code(&["plan", good, "--pr", "7", "--graph", "dot"]), Some(0));
    assert_eq!(code(&["plan", bad, "--pr", "7", "--output", "json"]), Some(2));
}

const WARNED: &str = "tests/fixtures/spec/warned";

fn command(arguments: &[&str]) -> std::process::Output {
    let mut command = assert_cmd::Command::cargo_bin("dayfly").unwrap();
    command.env("DOCKER_HOST", "unix:///nonexistent/engine.sock").args(arguments).output().unwrap()
}

#[test]
fn validate_prints_warnings_and_fails_only_if_they_are_denied() {
    let count = spec::load(Path::new(WARNED), &Overrides::default()).unwrap().warnings.list.len();
    let output = command(&["validate", WARNED]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&format!("{count} warnings in {WARNED}")));
    assert!(String::from_utf8_lossy(&output.stdout).contains("is valid"));
    assert_eq!(command(&["validate", WARNED, "--deny-warnings"]).status.code(), Some(2));
    assert_eq!(command(&["validate", "environments/hello", "--deny-warnings"]).status.code(), Some(0));
    let output = command(&["validate", WARNED, "--output", "json"]);
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), list.as_array().unwrap().len()), (Some(0), count));
    assert!(list.as_array().unwrap().iter().all(|w| w["severity"] == "warning" && w["line"].is_u64()));
}

#[test]
fn up_and_run_print_warnings_once_before_they_start() {
    let run = ["run", WARNED, "--commit", "abcdef0", "--key", "none.pem", "--evidence", "none"];
    for arguments in [&["up", WARNED][..], &run] {
        let output = command(&[arguments, &["--pr", "1"]].concat());
        assert_ne!(output.status.code(), Some(0));
        assert_eq!(String::from_utf8_lossy(&output.stderr).matches("17 warnings in").count(), 1);
        let output = command(&[arguments, &["--pr", "1", "--output", "json"]].concat());
        let text = String::from_utf8_lossy(&output.stdout);
        let events = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        assert_eq!(events.filter(|event| event["event"] == "warning" && event["severity"] == "warning").count(), 17);
    }
}

#[test]
fn warns_of_the_changes_own_text_only_where_suites_come_from_a_base() {
    let base = tempfile::tempdir().unwrap();
    let copy = base.path().join(WARNED).join("environment.yaml");
    std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
    std::fs::copy(Path::new(WARNED).join("environment.yaml"), copy).unwrap();
    let output = command(&["validate", WARNED, "--suites-from", base.path().to_str().unwrap()]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("receives `mq.api`") && !text.contains("port 80 is closed"), "{text}");
}
