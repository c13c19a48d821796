//! `dayfly init`: what it finds, what it writes, and that it overwrites and follows nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use support::{Ended, User, ended};

/// A project in a repository whose remote is given; none without one.
struct Project {
    user: User,
    folder: PathBuf,
}

impl Project {
    fn new(remote: Option<&str>, below: &str) -> Self {
        let user = User::new();
        let top = user.folder.path().join("top");
        let folder = top.join(below);
        fs::create_dir_all(&folder).unwrap();
        let git = |arguments: &[&str]| {
            let done = Command::new("git").args(arguments).current_dir(&top).output().unwrap();
            assert!(done.status.success(), "{arguments:?}");
        };
        git(&["init", "--quiet"]);
        remote.iter().for_each(|remote| git(&["remote", "add", "origin", remote]));
        Self { user, folder }
    }

    fn dayfly(&self, arguments: &[&str]) -> Ended {
        let mut command = self.user.command(arguments);
        command.current_dir(&self.folder);
        ended(command)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder.join(path)).unwrap()
    }
}

#[test]
fn imports_the_compose_file_and_writes_the_pipeline_of_github() {
    let project = Project::new(Some("git@github.example:team/shop.git"), "deploy");
    project.write("compose.yml", "services: { web: { image: 'web:1', ports: ['80:8080'] } }\n");
    let told = project.dayfly(&["init", "--name", "My_Shop"]).code(0);
    let told =
        told.says("wrote environment.yaml: 1 units from compose.yml").says("wrote ../.github/workflows/dayfly.yaml");
    told.says("DAYFLY_SIGNING_KEY").says("dayfly key generate").says("dayfly run");
    project.dayfly(&["validate"]).code(0).says("1 service");
    assert!(project.read("environment.yaml").contains("\nname: my-shop\n"));
    let pipeline = project.read("../.github/workflows/dayfly.yaml");
    assert!(
        pipeline.contains("DESCRIPTION: deploy/environment.yaml") && !pipeline.contains("environments/tsd"),
        "{pipeline}"
    );
    assert!(pipeline.contains("run: docker compose --file deploy/compose.yml build\n"), "{pipeline}");
    let _: serde_json::Value = serde_yaml::from_str(&pipeline).unwrap();

    // Nothing is written twice, and nothing is changed.
    project.dayfly(&["init"]).code(2).says("never overwritten");
    fs::remove_file(project.folder.join("environment.yaml")).unwrap();
    project.write("../.github/workflows/dayfly.yaml", "mine\n");
    project.dayfly(&["init"]).code(0).says("left ../.github/workflows/dayfly.yaml as it is");
    assert_eq!(project.read("../.github/workflows/dayfly.yaml"), "mine\n");
}

#[test]
fn sketches_services_from_files_that_build_images() {
    let project = Project::new(Some("https://gitlab.example/team/shop.git"), "");
    project.write("api/Dockerfile", "FROM scratch\nexpose 9090/tcp 9091\n");
    project.write("Web_UI/Containerfile", "FROM scratch\n");
    project.write("chart/Chart.yaml", "name: shop\n");
    let told = project.dayfly(&["init"]).code(0).says("wrote .gitlab/dayfly.yml").says("./chart is a Helm chart");
    assert!(told.err.contains("2 units from Web_UI/Containerfile, api/Dockerfile"), "{}", told.err);
    let plan = project.dayfly(&["plan", "--output", "json"]).code(0).json();
    let ports: Vec<_> =
        plan["units"].as_array().unwrap().iter().map(|u| (u["name"].as_str().unwrap(), u["port"].as_u64())).collect();
    assert_eq!(ports, [("api", Some(9090)), ("web-ui", Some(8080))]);
    assert!(project.read(".gitlab/dayfly.yml").contains("DESCRIPTION: environment.yaml"));
}

#[test]
fn manifests_and_forge_can_be_named() {
    let project = Project::new(None, "");
    project.write("rendered.yaml", "kind: Pod\nmetadata: { name: solo }\nspec: { containers: [{ image: 'solo:1', ports: [{ containerPort: 80 }] }] }\n");
    let told = project.dayfly(&["init", "--manifests", "rendered.yaml", "--forge", "none", "--name", "one"]).code(0);
    told.says("no CI file").says("1 units from rendered.yaml");
    assert!(project.read("environment.yaml").contains("  solo:"));
    assert!(!project.folder.join(".github").exists());
}

#[test]
fn follows_no_link_that_the_folder_holds() {
    let project = Project::new(Some("https://github.example/team/shop"), "");
    let outside = project.user.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, project.folder.join(".github")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", project.folder.join("compose.yaml")).unwrap();
    project.dayfly(&["init"]).code(2).says("symbolic link");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    // A broken link in the place of the description is not followed either.
    fs::remove_file(project.folder.join("environment.yaml")).ok();
    std::os::unix::fs::symlink(outside.join("new.yaml"), project.folder.join("environment.yaml")).unwrap();
    project.dayfly(&["init", "--forge", "none"]).code(2).says("never overwritten");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

/// Names of folders and files come from the change.
#[test]
fn names_of_folders_reach_no_shell_no_pipeline_and_no_line_of_their_own() {
    let project = Project::new(Some("https://github.example/team/shop"), "a'; $(id) #");
    project.write("x'; $(touch forged) #/Chart.yaml", "name: a\n");
    project.write("b\n::error::forged\n/Chart.yaml", "name: b\n");
    project.write("c\n::error::forged/Dockerfile", "FROM scratch\nEXPOSE 0\n");
    let told = project
        .dayfly(&["init"])
        .code(0)
        .says("no CI file: the path a'; $(id) #/environment.yaml has other characters");
    let told = told.says(r"helm template NAME './x'\''; $(touch forged) #' |").says("give its folder another name");
    assert!(told.err.lines().all(|line| !line.starts_with("::") && !line.starts_with("error::")), "{}", told.err);
    project.dayfly(&["validate"]).code(0);
    assert!(!project.folder.join("../.github").exists() && !project.folder.join("forged").exists());
    // Whoever asks for the file learns why there is none, before anything is written.
    fs::remove_file(project.folder.join("environment.yaml")).unwrap();
    project
        .dayfly(&["init", "--forge", "gitlab"])
        .code(2)
        .says("failed to write the CI file")
        .says("rename the folders");
    assert!(!project.folder.join("environment.yaml").exists());
    // What could be an option is none.
    let project = Project::new(Some("https://github.example/team/shop"), "-x");
    project.dayfly(&["init"]).code(0);
    assert!(project.read("../.github/workflows/dayfly.yaml").contains("DESCRIPTION: ./-x/environment.yaml\n"));
}

#[test]
fn writes_no_draft_that_is_no_valid_description() {
    let project = Project::new(Some("https://github.example/team/shop"), "");
    // Each secret stands in several places of a draft, which is then larger than a description may be.
    let variables: String = (0..100).map(|n| format!("P{n}_PASSWORD: v{n}, ")).collect();
    let services: String = (0..190).map(|n| format!("  s{n}: {{ image: 'a:1', environment: *v }}\n")).collect();
    project.write("compose.yaml", &format!("x-v: &v {{ {variables} }}\nservices:\n{services}"));
    let told = project.dayfly(&["init"]).code(1).says("nothing is written").says("`dayfly import` writes it anyhow");
    assert!(!project.folder.join("environment.yaml").exists() && !project.folder.join(".github").exists(), "{told:?}");
}
