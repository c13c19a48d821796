//! A registry of this machine, from which nodes pull images and dayfly reads them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use dayfly::testing::{Requirement, skip};

use crate::world::until;

/// A registry of this machine that wants a password.
pub struct Registry {
    process: Child,
    folder: tempfile::TempDir,
    /// Its address.
    pub host: String,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Podman with its own store, where the example images lie.
fn podman(arguments: &[&str]) -> String {
    done(Command::new("podman").args(arguments).env_remove("DOCKER_HOST").env_remove("CONTAINER_HOST"))
}

fn done(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl Registry {
    /// None where the node is not this machine.
    pub fn start() -> Option<Self> {
        if std::env::var_os("DAYFLY_TEST_CLUSTER_SETUP").is_none() {
            skip(Requirement::OwnCluster, "the nodes cannot reach a registry on this machine");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let host = free.to_string();
        let path = folder.path().to_owned();
        let at = |name: &str| path.join(name);
        std::fs::write(at("htpasswd"), done(Command::new("htpasswd").args(["-Bbn", "ci", "secret-of-ci"]))).unwrap();
        let config = format!(
            "version: 0.1\nlog: {{ accesslog: {{ disabled: true }}, level: error }}\nstorage: {{ filesystem: {{ rootdirectory: {:?} }} }}\nhttp: {{ addr: {host:?} }}\nauth: {{ htpasswd: {{ realm: here, path: {:?} }} }}\n",
            at("data"),
            at("htpasswd")
        );
        std::fs::write(at("config.yml"), config).unwrap();
        let mut serve = Command::new("docker-registry");
        let process =
            serve.arg("serve").arg(at("config.yml")).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let registry = Self { process, folder, host };
        until("the registry listens", || std::net::TcpStream::connect(free).is_ok());
        Some(registry)
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// A name of podman's own store that no other test has.
    pub fn local(&self, name: &str) -> String {
        format!("localhost/dayfly-{name}:{}", self.host.replace(':', "-"))
    }

    /// Builds an image from a folder, and a label, because an image that was pulled with a password is for others only with the
    /// same, under every name.
    pub fn build(&self, folder: &Path, name: &str) {
        let label = format!("pulled.from={}", self.host);
        let (image, folder) = (self.local(name), folder.to_str().unwrap());
        podman(&["build", "--quiet", "--label", &label, "--tag", &image, folder]);
    }

    /// Pushes a built image as `team/NAME:1`.
    pub fn push(&self, name: &str) {
        let to = format!("docker://{}/team/{name}:1", self.host);
        podman(&["push", "--quiet", "--tls-verify=false", "--creds", "ci:secret-of-ci", &self.local(name), &to]);
        podman(&["rmi", &self.local(name)]);
    }

    /// Pushes built images, each for an architecture, as the index `team/NAME:1`, and leaves nothing of them here.
    pub fn push_index(&self, name: &str, images: &[(&str, &str)]) {
        let (index, to) = (self.local(name), format!("docker://{}/team/{name}:1", self.host));
        podman(&["manifest", "create", &index]);
        for (image, arch) in images {
            let stored = format!("containers-storage:{}", self.local(image));
            podman(&["manifest", "add", "--arch", arch, &index, &stored]);
        }
        podman(&[
            "manifest",
            "push",
            "--quiet",
            "--all",
            "--tls-verify=false",
            "--creds",
            "ci:secret-of-ci",
            &index,
            &to,
        ]);
        podman(&["manifest", "rm", &index]);
        images.iter().for_each(|(image, _)| drop(podman(&["rmi", &self.local(image)])));
    }

    /// The file of a part of an image by its digest.
    pub fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap();
        let blobs = self.folder.path().join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }

    /// A policy that allows it; its name is an address, which no built-in limit does.
    pub fn policy(&self) -> String {
        format!(
            "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ndefault: {{ registries: ['{}/*', docker.io/*, localhost/*] }}\n",
            self.host
        )
    }

    /// The credentials as a docker `config.json`.
    pub fn credentials(&self) -> String {
        let path = self.folder.path().join("config.json");
        // ci:secret-of-ci
        std::fs::write(&path, format!("{{\"auths\":{{\"{}\":{{\"auth\":\"Y2k6c2VjcmV0LW9mLWNp\"}}}}}}", self.host))
            .unwrap();
        path.to_str().unwrap().to_owned()
    }
}
