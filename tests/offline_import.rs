//! `dayfly import`: Compose files in the shape of well-known projects, rendered charts, and hostile input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod hostile_import;
mod support;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{DAYFLY, Ended, User, repository};

/// Everything in the fixtures that is a secret.
const SECRETS: [&str; 9] = [
    "hunter2hunter2",
    "change-it-please",
    "taiga-secret-of-the-file",
    "taiga-key-of-the-file",
    "taiga-broker-of-the-file",
    "secret-erlang-cookie",
    "airflow-password",
    "aHVudGVyMmh1bnRlcjI",
    "_AIRFLOW_WWW_USER_PASSWORD: airflow",
];

fn fixtures() -> PathBuf {
    repository().join("tests/fixtures/import")
}

/// A folder with the files of a fixture.
fn copied(user: &User, name: &str) -> PathBuf {
    let folder = user.folder.path().join(name);
    fs::create_dir(&folder).unwrap();
    for entry in fs::read_dir(fixtures().join(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    folder
}

fn dayfly(folder: &Path, arguments: &[&str]) -> Ended {
    let user = Command::new(DAYFLY).args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap();
    Ended {
        code: user.status.code().unwrap(),
        out: String::from_utf8(user.stdout).unwrap(),
        err: String::from_utf8(user.stderr).unwrap(),
    }
}

/// The draft and the list of what was dropped, for a snapshot; the draft is valid and holds no secret.
fn drafted(folder: &Path, arguments: &[&str]) -> String {
    let draft = folder.join("environment.yaml");
    let ended = dayfly(folder, &[&["import"], arguments, &["--out", "environment.yaml"]].concat()).code(0);
    let text = fs::read_to_string(&draft).unwrap();
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    dayfly(folder, &["validate"]).code(0);
    format!("{text}\n{}", ended.err)
}

#[test]
fn drafts_compose_files_of_well_known_shapes() {
    let user = User::new();
    for name in ["saleor", "taiga", "zulip", "airflow"] {
        let folder = copied(&user, name);
        insta::assert_snapshot!(format!("import__{name}"), drafted(&folder, &["compose", "compose.yaml"]));
        // A draft elsewhere cannot name files beside the input: it contains them.
        let elsewhere = user.folder.path().join(format!("{name}-elsewhere.yaml"));
        dayfly(&folder, &["import", "compose", "compose.yaml", "--out", elsewhere.to_str().unwrap()]).code(0);
        dayfly(user.folder.path(), &["validate", elsewhere.to_str().unwrap()]).code(0);
        // What exists is never overwritten.
        let before = fs::read(&elsewhere).unwrap();
        dayfly(&folder, &["import", "compose", "compose.yaml", "--out", elsewhere.to_str().unwrap()])
            .code(2)
            .says("never overwritten");
        assert_eq!(fs::read(&elsewhere).unwrap(), before);
    }
    let airflow = user.folder.path().join("airflow");
    dayfly(&airflow, &["import", "compose", "compose.yaml", "--profile", "flower"]).code(0).says("flower:5555");
}

#[test]
fn drafts_rendered_charts() {
    let user = User::new();
    for name in ["shop", "login", "queue"] {
        let folder = user.folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        let source = fixtures().join(format!("charts/{name}.yaml"));
        fs::copy(&source, folder.join("rendered.yaml")).unwrap();
        insta::assert_snapshot!(format!("import__chart_{name}"), drafted(&folder, &["kubernetes", "rendered.yaml"]));
        // A pipe gives the same.
        let mut piped = Command::new(DAYFLY)
            .args(["import", "kubernetes", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        piped.stdin.take().unwrap().write_all(&fs::read(&source).unwrap()).unwrap();
        let piped = String::from_utf8(piped.wait_with_output().unwrap().stdout).unwrap();
        let file = fs::read_to_string(folder.join("environment.yaml")).unwrap();
        assert_eq!(piped.split_once('\n').unwrap().1, file.split_once('\n').unwrap().1);
    }
    let shop = user.folder.path().join("shop");
    let json = dayfly(&shop, &["import", "kubernetes", "rendered.yaml", "--output", "json"]).code(0).json();
    assert_eq!(json["units"], 3);
    let whys: Vec<_> = json["dropped"].as_array().unwrap().iter().map(|d| d["what"].as_str().unwrap()).collect();
    assert!(whys.contains(&"Ingress r-shop") && whys.contains(&"r-shop.exporter"), "{whys:?}");
}

#[test]
fn refuses_what_is_no_input_of_its_kind() {
    let user = User::new();
    let at = |name: &str| user.folder.path().join(name);
    let compose = |text: &str| {
        fs::write(at("c.yaml"), text).unwrap();
        user.dayfly(&["import", "compose", "c.yaml"])
    };
    compose("").code(2).says("is empty");
    compose("a: 1\n").code(2).says("no services").says("dayfly import kubernetes");
    compose("services: {}\n").code(2).says("no services");
    compose("services:\n  web: { image: !!binary aGk= }\n").code(2).says("tag").says("c.yaml:2");
    compose(&format!("services: {}{}\n", "[".repeat(100), "]".repeat(100))).code(2).says("levels deep");
    let bomb: String = (1..30).map(|n| format!("a{n}: &a{n} [{0}, {0}]\n", format!("*a{}", n - 1))).collect();
    compose(&format!("a0: &a0 [x]\n{bomb}services: {{ web: {{ image: a }} }}\n")).code(2).says("aliases");
    compose(&"x".repeat(2 << 20)).code(2).says("larger than");
    let manifests = |text: &str| {
        fs::write(at("k.yaml"), text).unwrap();
        user.dayfly(&["import", "kubernetes", "k.yaml"])
    };
    manifests("a: 1\n---\nb: 2\n").code(2).says("no workload").says("helm template");
    manifests("kind: Pod\n---\na: [1\n").code(2).says("line 3");
    manifests(&"---\na: 1\n".repeat(3000)).code(2).says("more than 2000 documents");
    user.dayfly(&["import", "compose", "no-such-file"]).code(2).says("no-such-file");
    symlink("/etc/hostname", at("link.yaml")).unwrap();
    user.dayfly(&["import", "compose", "link.yaml"]).code(2).says("symbolic link");
}

/// The author of the input writes names, values and paths to reach other files, a terminal, or the structure of the draft.
#[test]
fn nothing_of_the_input_reaches_further_than_its_place() {
    let user = User::new();
    let at = |name: &str| user.folder.path().join(name);
    fs::write(at("outside"), "OUTSIDE=stolen-from-outside\n").unwrap();
    fs::create_dir(at("in")).unwrap();
    symlink(at("outside"), at("in/link.env")).unwrap();
    symlink(user.folder.path(), at("in/up")).unwrap();
    let text = r#"
services:
  web:
    image: "web:1"
    container_name: "a\nsuites: {}\n\e[31mred"
    hostname: "evil\n  injected: true"
    env_file: [../outside, link.env, up/outside, /etc/passwd]
    environment:
      "BAD NAME": x
      TEXT: "a\u202eb: {{x}} \e[0m"
      QUOTED: "x\" }\ninjected: true"
      LINES: "one\n  two: [\n"
    volumes: ["../outside:/x", "./up/outside:/y", "/etc/passwd:/z", "/var/run/docker.sock:/s", "data:/proc/x", "data:../../etc"]
    ports: ["notaport", "99999", "1-2:3-4"]
    user: "$(id)"
  "evil: name\n- x": { image: "other:1" }
  Web: { image: "third:1", deploy: { replicas: 1000000 } }
"#;
    fs::write(at("in/c.yaml"), text).unwrap();
    let ended = dayfly(&at("in"), &["import", "compose", "c.yaml", "--out", "environment.yaml"]).code(0);
    let draft = fs::read_to_string(at("in/environment.yaml")).unwrap();
    for (what, text) in [("the draft", &draft), ("standard error", &ended.err)] {
        assert!(!text.contains("stolen") && !text.contains("root:"), "{what}: {text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{what}: {text:?}");
    }
    dayfly(&at("in"), &["validate"]).code(0);
    let plan = dayfly(&at("in"), &["plan", "--output", "json"]).code(0).json();
    let units = plan["units"].as_array().unwrap();
    let names: Vec<_> = units.iter().map(|u| u["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["evil-name-x", "web", "web-2"]);
    let web = &units[1];
    assert_eq!(web["env"]["QUOTED"], "x\" }\ninjected: true");
    assert_eq!(web["env"]["LINES"], "one\n  two: [\n");
    assert_eq!(web["env"].as_object().unwrap().len(), 2, "{web}");
    for why in
        ["outside of the folder", "symbolic link", "power over the machine", "1 to 9 replicas", "this is no port"]
    {
        assert!(ended.err.contains(why), "{why} in {}", ended.err);
    }
}
