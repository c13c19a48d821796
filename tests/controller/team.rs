//! A team with a namespace, and a CI account that may submit there and nothing else.

use std::process::Command;

use serde_json::{Value, json};

use crate::installed;
use crate::support::{User, ended};
use crate::world::{kubectl, object, try_kubectl, until};

/// A team; its namespace goes with it.
pub struct Team {
    pub namespace: String,
    /// Someone in front of the cluster with the rights of the team's CI account.
    pub user: User,
}

impl Team {
    /// A team, once the controller is there; none without a cluster.
    pub fn new(name: &str) -> Option<Self> {
        crate::world::user()?;
        installed::controller();
        let namespace = format!("dt-{name}");
        kubectl(&["create", "namespace", &namespace]);
        kubectl(&["-n", &namespace, "create", "serviceaccount", "ci"]);
        let account = format!("--serviceaccount={namespace}:ci");
        kubectl(&["-n", &namespace, "create", "rolebinding", "ci", "--clusterrole=dayfly-submit", &account]);
        let logs = ["-n", "dayfly-system", "create", "rolebinding", &namespace, "--role=dayfly-runner-logs", &account];
        kubectl(&logs);
        let token = kubectl(&["-n", &namespace, "create", "token", "ci", "--duration=2h"]);
        let mut config: Value =
            serde_json::from_str(&kubectl(&["config", "view", "--raw", "--minify", "-o", "json"])).unwrap();
        config["users"][0]["user"] = json!({"token": token.trim()});
        config["contexts"][0]["context"]["namespace"] = json!(namespace);
        let mut user = User::with(vec![]);
        let path = user.folder.path().join("kubeconfig");
        std::fs::write(&path, config.to_string()).unwrap();
        user.variables = vec![("KUBECONFIG".to_owned(), path.to_str().unwrap().to_owned())];
        Some(Self { namespace, user })
    }

    /// A TestEnvironment of this description, with more in its spec.
    pub fn asks(&self, name: &str, pr: u32, description: &str, more: Value) {
        self.applies(&self.wanted(name, pr, description, more));
    }

    /// The object that `asks` applies.
    pub fn wanted(&self, name: &str, pr: u32, description: &str, more: Value) -> Value {
        let mut spec = json!({"pullRequest": pr, "commit": "4d1f0c2b6a5e", "description": {"inline": description}});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({
            "apiVersion": "dayfly.dev/v1alpha1", "kind": "TestEnvironment",
            "metadata": {"name": name, "namespace": self.namespace}, "spec": spec,
        })
    }

    /// Applies the object with the rights of the team's CI account: those of `dayfly-submit` alone.
    #[track_caller]
    pub fn applies(&self, wanted: &Value) {
        let file = self.user.folder.path().join("applied.json");
        std::fs::write(&file, wanted.to_string()).unwrap();
        let mut command = Command::new("kubectl");
        command.args(["apply", "-f", file.to_str().unwrap()]);
        command.envs(self.user.variables.iter().map(|(name, value)| (name, value)));
        ended(command).code(0);
    }

    /// The object's status.
    pub fn status(&self, name: &str) -> Value {
        object(&self.namespace, "testenvironment", name)["status"].clone()
    }

    /// Waits until the object's status is so.
    #[track_caller]
    pub fn until(&self, name: &str, what: &str, holds: impl Fn(&Value) -> bool) {
        until(&format!("{name} {what}"), || holds(&self.status(name)));
    }

    #[track_caller]
    pub fn until_phase(&self, name: &str, phase: &str) {
        self.until(name, &format!("is {phase}"), |s| s["phase"] == phase);
    }

    /// Waits until an event about the object says this.
    #[track_caller]
    pub fn until_event(&self, name: &str, said: &str) {
        let of = format!("involvedObject.name={name}");
        until(&format!("an event of {name} says {said:?}"), || {
            let path = "jsonpath={.items[*].message}";
            kubectl(&["-n", &self.namespace, "get", "events", "--field-selector", &of, "-o", path]).contains(said)
        });
    }

    /// Name of the environment of the object's run.
    pub fn environment(&self, name: &str) -> String {
        self.status(name)["run"]["environment"].as_str().expect("it has a run").to_owned()
    }

    /// Content of the latest record of the removal of the object's environment by the controller, verified as docs/reaping.md
    /// describes.
    pub fn removal(&self, name: &str) -> Value {
        let of = format!("dayfly.dev/removal-of={}", self.environment(name));
        let records = kubectl(&["-n", "dayfly-system", "get", "configmaps", "-l", &of, "-o", "json"]);
        let records: Value = serde_json::from_str(&records).unwrap();
        // Their names say when they were begun.
        let latest = records["items"].as_array().unwrap().iter().max_by_key(|r| r["metadata"]["name"].to_string());
        let folder = self.user.folder.path().join("removal");
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in latest.expect("there is a record")["data"].as_object().unwrap() {
            std::fs::write(folder.join(name), text.as_str().unwrap()).unwrap();
        }
        let verify = ["verify", folder.to_str().unwrap(), "--key", &installed::controller(), "--output", "json"];
        self.user.dayfly(&verify).code(0).json()["removal"].clone()
    }

    /// Waits until the events about the object tell exactly this, sorted: they follow what the status says. Whether it had
    /// to wait for its turn depends on the other stories.
    #[track_caller]
    pub fn until_told(&self, name: &str, story: &[&str]) {
        let of = format!("involvedObject.name={name}");
        let path = "jsonpath={range .items[*]}{.reason}{\"\\n\"}{end}";
        until(&format!("the events of {name} tell {story:?}"), || {
            let told = kubectl(&["-n", &self.namespace, "get", "events", "--field-selector", &of, "-o", path]);
            let mut told: Vec<&str> = told.lines().filter(|reason| *reason != "Queued").collect();
            told.sort_unstable();
            told == story
        });
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        try_kubectl(&["-n", "dayfly-system", "delete", "rolebinding", &self.namespace, "--ignore-not-found"]);
        try_kubectl(&["delete", "namespace", &self.namespace, "--wait=false"]);
    }
}

/// Leaves the story when there is no cluster.
#[macro_export]
macro_rules! team {
    ($name:expr) => {
        match $crate::team::Team::new($name) {
            Some(team) => team,
            None => return,
        }
    };
}

/// A description with this in it.
pub fn described(name: &str, rest: &str) -> String {
    format!("apiVersion: dayfly.dev/v1alpha1\nkind: Environment\nname: {name}\n{rest}")
}

/// A condition of a status, as `status reason`.
pub fn condition(status: &Value, kind: &str) -> String {
    let all = status["conditions"].as_array().cloned().unwrap_or_default();
    let found = all.iter().find(|c| c["type"] == kind).cloned().unwrap_or_default();
    format!("{} {}", found["status"].as_str().unwrap_or_default(), found["reason"].as_str().unwrap_or_default())
}
