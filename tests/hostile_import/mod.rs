//! Input of `dayfly import` that holds secrets, takes work, or looks like something else.

use std::fs;
use std::process::Command;

use super::dayfly;
use super::support::{DAYFLY, User};

/// Every value with this word is a secret of the input.
const HUNTER: &str = "hunter2";

#[test]
fn no_secret_gets_into_a_draft_or_a_message() {
    let user = User::new();
    let at = |name: &str| user.folder.path().join(name);
    fs::create_dir(at("in")).unwrap();
    fs::write(at("in/.env"), "DATABASE_URL=postgres://app:hunter2-env@db/x\nTAG=1\n").unwrap();
    let variables =
        "KEY=\"-----BEGIN PRIVATE KEY-----\nhunter2MIIE=\n-----END PRIVATE KEY-----\"\nPGPASSWORD=hunter2-file\n";
    fs::write(at("in/web.env"), variables).unwrap();
    let text = r#"
services:
  web:
    image: "web:${TAG:-${TOKEN:-hunter2}}"
    command: ["--url", "${OTHER_URL:-redis://:hunter2@cache/0}", "sh -c 'exec server --requirepass hunter2 --port 1'", "--auth-token", "hunter2", "-e=PGPASSWORD=hunter2 psql"]
    env_file: web.env
    environment:
      DATABASE_URL: "${DATABASE_URL}"
      VAULT_SECRET_ID: hunter2-vault
      SEVERAL: "amqp://u:hunter2-a@a,amqp://u:hunter2-b@b"
      CONNECTION: "Server=db;User Id=sa;Password=hunter2-c;"
      JSON: '{"user": "a", "clientSecret": "hunter2-d"}'
      HOOK: "https://hooks.slack.com/services/T0/B0/hunter2hunter2"
      NESTED: "${A:-${DB_PASSWORD:-hunter2-e}}"
      "hunter2 bad name": x
    healthcheck: { test: ["CMD-SHELL", "PGPASSWORD=hunter2 pg_isready || mysqladmin ping -phunter2"] }
    configs: [ { source: redis, target: /etc/redis.conf }, { source: plain, target: /etc/plain.conf } ]
  api:
    image: "api:1"
    healthcheck: { test: "curl http://localhost:8080/health?token=hunter2" }
configs:
  redis: { content: "port 6379\nrequirepass hunter2\n" }
  plain: { content: "password: ${DB_PASSWORD:-hunter2}\n" }
"#;
    fs::write(at("in/c.yaml"), text).unwrap();
    let manifests = r#"
kind: ConfigMap
metadata: { name: m }
data: { redis.conf: "masterauth hunter2", app.yaml: "db:\n  password: hunter2\n", PGPASSWORD: hunter2-map }
---
kind: Pod
metadata: { name: web }
spec:
  volumes: [ { name: v, configMap: { name: m } } ]
  containers:
    - image: "web:1"
      env:
        - { name: DB_PASS, value: hunter2-g }
        - { name: OPTIONS, value: "user=a x=$(DB_PASS)" }
        - { name: URL, value: "postgres://app:$(DB_PASS)@db/x" }
      envFrom: [ { configMapRef: { name: m } } ]
      args: ["--requirepass", "hunter2", "--password=hunter2"]
      readinessProbe: { httpGet: { port: 80, path: "/health?apikey=hunter2" } }
      volumeMounts: [ { name: v, mountPath: /etc/app } ]
"#;
    fs::write(at("in/k.yaml"), manifests).unwrap();
    for arguments in
        [&["compose", "c.yaml"][..], &["kubernetes", "k.yaml"], &["compose", "c.yaml", "--out", "../other.yaml"]]
    {
        let ended = dayfly(&at("in"), &[&["import"], arguments].concat()).code(0);
        let other = fs::read_to_string(at("other.yaml")).unwrap_or_default();
        for (what, text) in [("the draft", &ended.out), ("standard error", &ended.err), ("the draft elsewhere", &other)]
        {
            let lines: Vec<_> = text.lines().filter(|line| line.contains(HUNTER)).collect();
            assert!(lines.is_empty(), "{arguments:?}: {what}: {lines:#?}");
        }
    }
    // What stands around a secret is kept, and a secret that several values hold is one.
    let draft = dayfly(&at("in"), &["import", "kubernetes", "k.yaml"]).out;
    assert!(draft.contains(r#"URL: "postgres://app:{{secret \"db-pass\"}}@db/x""#), "{draft}");
    assert!(draft.contains(r#"OPTIONS: "user=a x={{secret \"db-pass\"}}""#), "{draft}");
    // A file with an error may hold secrets as well.
    for text in [
        "services: { web: { environment: { PASSWORD: hunter2, x: [ } } }\n",
        "services: { web: { x: !!binary hunter2 } }\n",
    ] {
        fs::write(at("in/broken.yaml"), text).unwrap();
        let ended = dayfly(&at("in"), &["import", "compose", "broken.yaml"]).code(2).says("broken.yaml:1:");
        assert!(!ended.err.contains(HUNTER), "{}", ended.err);
    }
}

/// Small inputs of which each would take more time or memory than a machine has, if something were not bounded.
#[test]
fn a_hostile_input_takes_little_time_and_memory() {
    let user = User::new();
    let at = |name: &str| user.folder.path().join(name);
    fs::write(at(".env"), format!("A={}\n", "x".repeat(200_000))).unwrap();
    let web = |more: &str| format!("services:\n  web: {{ image: 'web:1'{more} }}\n");
    let many = |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<String>();
    let base = many(9_000, &|n| format!("      K{n}: v\n"));
    let extends = many(190, &|n| format!("  s{n}: {{ extends: base }}\n"));
    let compose = [
        web(&format!(", command: ['{}']", "${".repeat(300_000))),
        web(&format!(", command: ['{}']", "$A ".repeat(200_000))),
        web(&format!(", command: ['{}']", "://".repeat(300_000))),
        web(&format!(", command: ['{}']", "${A:-".repeat(150_000))),
        web(&format!(", environment: [{}]", many(14_000, &|n| format!("P{n}_PASSWORD=a-{n}, ")))),
        web(&format!(", volumes: [{}]", many(20_000, &|n| format!("'v:/a/{n}', ")))),
        web(&format!(", secrets: [{}]", many(25_000, &|n| format!("s{n}, ")))),
        format!("services:\n  base:\n    image: 'web:1'\n    environment:\n{base}{extends}"),
        format!(
            "services:\n{}",
            many(199, &|n| format!(
                "  s{n}: {{ image: 'a:1', command: ['{}'] }}\n",
                many(199, &|m| format!("s{m}:1 "))
            ))
        ),
    ];
    let container = |more: &str| {
        format!(
            "kind: Pod\nmetadata: {{ name: web }}\nspec:\n  volumes: [ {{ name: v, configMap: {{ name: m }} }} ]\n  containers:\n    - {{ image: 'web:1'{more} }}\n"
        )
    };
    let map = |name: &str, count: usize| {
        format!(
            "kind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ {} }}\n---\n",
            many(count, &|n| format!("k{n}: v, "))
        )
    };
    let doubling =
        many(300, &|n| format!("{{ name: V{n}, value: '$(V{0})$(V{0})0123456789' }}, ", n.saturating_sub(1)));
    let manifests = [
        container(&format!(", env: [{doubling}]")),
        format!(
            "{}{}",
            map("m", 20_000),
            container(&format!(
                ", volumeMounts: [{}]",
                many(5_000, &|n| format!("{{ name: v, mountPath: /a/{n} }}, "))
            ))
        ),
        format!(
            "{}{}",
            map("m", 20_000),
            container(&format!(", envFrom: [{}]", "{ configMapRef: { name: m } }, ".repeat(5_000)))
        ),
        many(190, &|n| {
            format!(
                "kind: Pod\nmetadata: {{ name: p{n}, labels: {{ a: b }} }}\nspec: {{ containers: [ {{ image: 'a:1' }} ] }}\n---\n"
            )
        }) + &many(1_700, &|n| {
            format!(
                "kind: Service\nmetadata: {{ name: s{n} }}\nspec: {{ selector: {{ a: b }}, ports: [ {{ port: 80 }} ] }}\n---\n"
            )
        }),
    ];
    let run = |format: &str, text: &str| {
        fs::write(at("input"), text).unwrap();
        let limits = format!("ulimit -v 2000000; ulimit -t 60; exec '{DAYFLY}' import {format} input >draft 2>said");
        let status = Command::new("sh").args(["-c", &limits]).current_dir(user.folder.path()).status().unwrap();
        let said = fs::read_to_string(at("said")).unwrap();
        // Too large for a description, or a draft; never a signal.
        assert!(matches!(status.code(), Some(0..=2)), "{format} {}: {status}: {said}", &text[..text.len().min(300)]);
        assert!(fs::metadata(at("draft")).unwrap().len() < 4 << 20);
    };
    compose.iter().for_each(|text| run("compose", text));
    manifests.iter().for_each(|text| run("kubernetes", text));
    // More than one application.
    let services = many(201, &|n| format!("  s{n}: {{ image: 'a:1' }}\n"));
    fs::write(at("c.yaml"), format!("services:\n{services}")).unwrap();
    user.dayfly(&["import", "compose", "c.yaml"]).code(2).says("201 services");
    let items = "{ kind: Pod }, ".repeat(2_100);
    fs::write(at("k.yaml"), format!("kind: List\nitems: [ {{ kind: PodList, items: [ {items} ] }} ]\n")).unwrap();
    user.dayfly(&["import", "kubernetes", "k.yaml"]).code(2).says("more than 2000 objects");
}

#[test]
fn what_is_a_template_or_no_name_does_not_make_a_draft_invalid() {
    let user = User::new();
    let at = |name: &str| user.folder.path().join(name);
    fs::create_dir(at("{{x}}")).unwrap();
    fs::write(at("{{x}}/init.sql"), "select 1;\n").unwrap();
    let text = r#"
services:
  "true": { image: "a:1", depends_on: ["null", broker], ports: ["0:0", "8080"], environment: { A: "{${TAG:-1}", B: "x{${DB_PASSWORD:-y}" } }
  "null": { image: "a:1", healthcheck: { test: "curl http://localhost:0/{{x}}" }, tmpfs: ["/a/{{x}}"], volumes: ["./{{x}}/init.sql:/etc/init.sql"] }
  db: { image: "postgres:17", volumes: ["./{{x}}/init.sql:/docker-entrypoint-initdb.d/init.sql"] }
  broker: { image: "rabbitmq:4", environment: { RABBITMQ_DEFAULT_VHOST: "a\n{{x}}" } }
  other: { image: "rabbitmq:4", environment: { RABBITMQ_DEFAULT_VHOST: "<<" } }
"#;
    fs::write(at("c.yaml"), text).unwrap();
    user.dayfly(&["import", "compose", "c.yaml", "--out", "environment.yaml"]).code(0).says("this is no port");
    user.dayfly(&["validate"]).code(0);
    let plan = user.dayfly(&["plan", "--output", "json"]).code(0).json();
    let web = plan["units"].as_array().unwrap().iter().find(|u| u["name"] == "true").unwrap();
    assert_eq!((&web["port"], &web["env"]["A"]), (&8080.into(), &"{1".into()), "{web}");
    // The same in another folder, and with a name that YAML takes for something else.
    let list = "kind: List\nitems:\n  - kind: PodList\n    items: [ { kind: Pod, metadata: { name: 'no' }, spec: { containers: [ { image: 'a:1', ports: [ { containerPort: 0 } ] } ] } } ]\n";
    fs::write(at("k.yaml"), list).unwrap();
    let draft = user.dayfly(&["import", "kubernetes", "k.yaml", "--name", "null"]).code(0).out;
    assert!(draft.contains("name: \"null\"") && draft.contains("  \"no\":") && !draft.contains("port: 0"), "{draft}");
}
