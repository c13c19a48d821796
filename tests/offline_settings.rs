//! Defaults and `dayfly.toml`: the nearest description, the settings beside it, what git knows, and what a CI job must not
//! take from a file that the author of the change controls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Ended, User, ended};

const DESCRIPTION: &str = "apiVersion: dayfly.dev/v1alpha1\nkind: Environment\nname: shop\nservices:\n  web: { image: 'registry.example/web:1', port: 8080 }\n";

/// A repository with a description in `shop/`, whose remote carries credentials.
struct Checkout {
    user: User,
    commit: String,
}

impl Checkout {
    fn new() -> Self {
        let user = User::new();
        let checkout = Self { user, commit: String::new() };
        fs::create_dir_all(checkout.at("shop/src/deep")).unwrap();
        fs::write(checkout.at("shop/environment.yaml"), DESCRIPTION).unwrap();
        checkout.git(&["init", "--quiet", "--initial-branch=main"]);
        checkout.git(&["remote", "add", "origin", "https://ada:hunter2hunter2@git.example/team/shop.git"]);
        checkout.git(&["add", "shop"]);
        checkout.git(&["commit", "--quiet", "--message", "first"]);
        let commit = checkout.git(&["rev-parse", "HEAD"]);
        Self { commit, ..checkout }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.user.folder.path().join(path)
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]);
        let done = git.args(arguments).current_dir(self.user.folder.path()).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// A command in a folder of the checkout.
    fn command(&self, folder: &str, arguments: &[&str]) -> Command {
        let mut command = self.user.command(arguments);
        command.current_dir(self.at(folder)).env("XDG_CONFIG_HOME", self.at("configuration"));
        for variable in ["DAYFLY_ENGINE", "DAYFLY_CONTEXT", "DAYFLY_KEY", "DAYFLY_EVIDENCE", "DAYFLY_POLICY"] {
            command.env_remove(variable);
        }
        command
    }

    fn dayfly(&self, folder: &str, arguments: &[&str]) -> Ended {
        ended(self.command(folder, arguments))
    }

    fn config(&self, folder: &str, more: &[&str]) -> Value {
        self.dayfly(folder, &[&["config", "--output", "json"], more].concat()).code(0).json()
    }
}

fn pair(config: &Value, name: &str) -> (String, String) {
    let text = |key: &str| config[name][key].as_str().unwrap_or("-").to_owned();
    (text("value"), text("from"))
}

#[track_caller]
fn is(config: &Value, name: &str, value: &str, from: &str) {
    assert_eq!(pair(config, name), (value.to_owned(), from.to_owned()), "{name}: {config:#}");
}

#[test]
fn finds_the_nearest_description_and_reads_the_change_from_git() {
    let checkout = Checkout::new();
    let config = checkout.config("shop/src/deep", &[]);
    is(&config, "description", "../../environment.yaml", "default (the nearest environment.yaml)");
    is(&config, "commit", &checkout.commit, "git");
    is(&config, "repository", "https://git.example/team/shop.git", "git");
    is(&config, "pr", "0", "default (no pull request)");
    is(&config, "evidence", "evidence", "default (in the working folder)");
    checkout.dayfly("shop/src/deep", &["validate"]).code(0).says("../../environment.yaml is valid");
    // Flags stand above git.
    let config = checkout.config("shop", &["--commit", "abcdef0", "--pr", "7", "--repository", "team/other"]);
    is(&config, "commit", "abcdef0", "flag");
    is(&config, "pr", "7", "flag");
    is(&config, "repository", "team/other", "flag");

    // Above the repository, and outside of one, no folder is searched.
    fs::write(checkout.at("environment.yaml"), DESCRIPTION).unwrap();
    fs::create_dir_all(checkout.at("inner/.git")).unwrap();
    checkout.dayfly("inner", &["validate"]).code(2).says("no environment.yaml").says("dayfly init");
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(outside.path().join("below")).unwrap();
    fs::write(outside.path().join("environment.yaml"), DESCRIPTION).unwrap();
    let mut command = checkout.command(".", &["validate"]);
    command.current_dir(outside.path().join("below"));
    ended(command).code(2).says("no environment.yaml");
}

#[test]
fn settings_beside_the_description_stand_below_variables_and_flags() {
    let checkout = Checkout::new();
    let toml = "engine = \"kubernetes\"\ncontext = \"staging\"\n\nkey = \"../key.pem\"\nevidence = \"/srv/evidence\"\nttl = \"2h\"\nrepository = \"https://git.example/team/renamed\"\n";
    fs::write(checkout.at("shop/dayfly.toml"), toml).unwrap();
    let config = checkout.config("shop/src", &[]);
    is(&config, "engine", "kubernetes staging", "../dayfly.toml:2");
    is(&config, "key", "../../key.pem", "../dayfly.toml:4");
    is(&config, "evidence", "/srv/evidence", "../dayfly.toml:5");
    is(&config, "ttl", "2h", "../dayfly.toml:6");
    is(&config, "repository", "https://git.example/team/renamed", "../dayfly.toml:7");
    let mut command = checkout.command("shop", &["config", "--output", "json", "--ttl", "1h", "--engine", "local"]);
    command.env("DAYFLY_EVIDENCE", "/srv/other");
    let config = ended(command).code(0).json();
    is(&config, "evidence", "/srv/other", "variable DAYFLY_EVIDENCE");
    is(&config, "ttl", "1h", "flag");
    // A flag stands above the variable, and is told from it.
    let mut command =
        checkout.command("shop", &["config", "--output", "json", "--evidence", "mine", "--engine", "local"]);
    command.env("DAYFLY_EVIDENCE", "/srv/other").env("DAYFLY_ENGINE", "kubernetes").env("DAYFLY_KEY", "k.pem");
    let told = ended(command).code(0).json();
    is(&told, "evidence", "mine", "flag");
    is(&told, "engine", "local", "flag");
    is(&told, "key", "k.pem", "variable DAYFLY_KEY");
    // An engine of the flags is not joined by a context of the file.
    is(&config, "engine", "local", "flag");
    checkout.dayfly("shop", &["config"]).code(0).says("kubernetes staging").says("dayfly.toml:2");
}

#[test]
fn a_wrong_setting_is_reported_with_file_line_key_and_suggestion() {
    let checkout = Checkout::new();
    let toml = "ttl = \"2h\"\nevidance = \"out\"\nengine = \"kubernets\"\nkey = 7\n";
    fs::write(checkout.at("shop/dayfly.toml"), toml).unwrap();
    let told = checkout.dayfly("shop", &["config"]).code(2);
    let told = told.says("dayfly.toml:2:1").says("there is no setting `evidance`").says("did you mean `evidence`?");
    told.says("did you mean `kubernetes`?").says("write text: key = \"…\"");
    let list = checkout.dayfly("shop", &["validate", "--output", "json"]).code(2).json();
    let places: Vec<_> = list.as_array().unwrap().iter().map(|d| (&d["path"], &d["line"])).collect();
    assert_eq!(
        format!("{places:?}"),
        r#"[(String("evidance"), Number(2)), (String("engine"), Number(3)), (String("key"), Number(4))]"#
    );
    for (text, said) in [
        ("ttl = \"2h", "this is not TOML"),
        ("ttl = \"soon\"\n", "this is no value of `ttl`"),
        ("[key]\na = 1\n", "write text"),
    ] {
        fs::write(checkout.at("shop/dayfly.toml"), text).unwrap();
        checkout.dayfly("shop", &["validate"]).code(2).says(said).says("dayfly.toml:1:");
    }
    fs::remove_file(checkout.at("shop/dayfly.toml")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", checkout.at("shop/dayfly.toml")).unwrap();
    checkout.dayfly("shop", &["validate"]).code(2).says("symbolic link");
}

/// The file would let the author of a change choose the key, the limits, the suites that judge, the owner, the cluster and the
/// registry.
#[test]
fn a_ci_job_takes_nothing_from_the_change_that_its_author_must_not_choose() {
    let checkout = Checkout::new();
    let forged = checkout.at("forged.pem");
    checkout.dayfly(".", &["key", "generate", forged.to_str().unwrap()]).code(0);
    let keys = [
        ("engine", "kubernetes"),
        ("context", "production"),
        ("registry-mirror", "evil.example"),
        ("key", forged.to_str().unwrap()),
        ("policy", "everything.yaml"),
        ("suites-from", "HEAD"),
        ("evidence", "../../elsewhere"),
        ("repository", "team/trusted"),
    ];
    let lines: String = keys.iter().map(|(key, value)| format!("{key} = \"{value}\"\n")).collect();
    fs::write(checkout.at("shop/dayfly.toml"), format!("{lines}ttl = \"2h\"\n")).unwrap();
    // A key that an earlier job left in the account must not sign either.
    fs::create_dir_all(checkout.at("configuration/dayfly")).unwrap();
    fs::copy(&forged, checkout.at("configuration/dayfly/key.pem")).unwrap();
    for variables in
        [&[("CI", "true")][..], &[("GITHUB_ACTIONS", "true")], &[("GITLAB_CI", "true")], &[("JENKINS_URL", "x")]]
    {
        let in_job = |arguments: &[&str]| {
            let mut command = checkout.command("shop", arguments);
            command.envs(variables.iter().copied());
            for name in [
                "GITHUB_REF",
                "GITHUB_SHA",
                "GITHUB_REPOSITORY",
                "GITHUB_EVENT_PATH",
                "CI_COMMIT_SHA",
                "CI_PROJECT_URL",
            ] {
                command.env_remove(name);
            }
            ended(command)
        };
        let told = in_job(&["config", "--output", "json"]).code(0);
        for (line, (key, _)) in keys.iter().enumerate() {
            let warning = format!("dayfly.toml:{}: `{key}` is ignored in a CI job", line + 1);
            assert!(told.err.contains(&warning), "{warning} in {}", told.err);
        }
        let config = told.json();
        is(&config, "ttl", "2h", "dayfly.toml:9");
        is(&config, "engine", "local", "default (where dayfly runs)");
        is(&config, "policy", "built-in limits", "default (no --policy)");
        is(&config, "suites-from", "this change", "default (no --suites-from)");
        is(&config, "evidence", "evidence", "default (in the working folder)");
        for nothing in ["registry-mirror", "key", "repository", "commit", "pr"] {
            assert_eq!(config[nothing], Value::Null, "{nothing}");
        }
        in_job(&["run", "--pr", "7", "--commit", "abcdef0"])
            .code(2)
            .says("--key FILE (or DAYFLY_KEY) is required in a CI job");
        in_job(&["run", "--unsigned"]).code(2).says("--pr NUMBER is required");
        in_job(&["run", "--unsigned", "--pr", "7"]).code(2).says("--commit SHA is required");
    }
    assert!(!checkout.at("elsewhere").exists() && !Path::new("../../elsewhere").exists());
}

/// Another folder, or none, would let the suites of the change judge it.
#[test]
fn suites_come_from_no_path_that_cannot_be_written() {
    use std::os::unix::ffi::OsStrExt as _;
    let checkout = Checkout::new();
    let folder = checkout.at("").join(std::ffi::OsStr::from_bytes(b"shop\xff"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("environment.yaml"), DESCRIPTION).unwrap();
    fs::write(folder.join("dayfly.toml"), "suites-from = \"./base\"\n").unwrap();
    let mut command = checkout.command(".", &["validate"]);
    command.current_dir(&folder);
    ended(command).code(2).says("dayfly.toml:1: `suites-from` leads to a path that is not UTF-8").says("--suites-from");
    let mut command = checkout.command(".", &["validate", "--suites-from"]);
    command.current_dir(&folder).arg(std::ffi::OsStr::from_bytes(b"./base\xff"));
    ended(command).code(2).says("invalid UTF-8");
}

#[test]
fn a_key_without_a_name_is_the_users_own() {
    let checkout = Checkout::new();
    checkout.dayfly("shop", &["run"]).code(2).says("generate one with `dayfly key generate`");
    checkout.dayfly("shop", &["key", "generate"]).code(0).says("configuration/dayfly/key.pem");
    checkout.dayfly("shop", &["key", "generate"]).code(2).says("exists");
    let config = checkout.config("shop", &[]);
    is(&config, "key", checkout.at("configuration/dayfly/key.pem").to_str().unwrap(), "default (your own key)");
    // A commit that git cannot name is asked for.
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("environment.yaml"), DESCRIPTION).unwrap();
    let mut command = checkout.command(".", &["run"]);
    command.current_dir(outside.path());
    ended(command).code(2).says("--commit SHA is required");
}
