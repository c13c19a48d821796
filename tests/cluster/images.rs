//! Images from a registry: digests are pinned before anything is made, credentials and a mirror are one setting each.

use dayfly::testing::{Requirement, skip};
use std::process::{Child, Command, Stdio};

use crate::in_cluster;
use crate::support::{User, repository, sources};
use crate::world::{object, until};

/// A registry of this machine that wants a password, with the image of the hello environment in it.
struct Registry {
    process: Child,
    folder: tempfile::TempDir,
    host: String,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn done(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl Registry {
    /// None where the node is not this machine.
    fn start() -> Option<Self> {
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
        // An image of its own: one that was pulled with a password is for others only with the same, under every name.
        let image = format!("localhost/dayfly/pulled:{}", free.port());
        let made = format!("FROM localhost/dayfly/hello:1\nLABEL pulled.from={}\n{}", registry.host, sources::LABELS);
        std::fs::write(at("Containerfile"), made).unwrap();
        // Podman's own store is where the example images lie.
        let podman = |arguments: &[&str]| {
            done(Command::new("podman").args(arguments).env_remove("DOCKER_HOST").env_remove("CONTAINER_HOST"))
        };
        podman(&["build", "--quiet", "--tag", &image, path.to_str().unwrap()]);
        let to = format!("docker://{}/team/hello:1", registry.host);
        podman(&["push", "--quiet", "--tls-verify=false", "--creds", "ci:secret-of-ci", &image, &to]);
        podman(&["rmi", &image]);
        Some(registry)
    }

    /// The credentials as a docker `config.json`.
    fn credentials(&self) -> String {
        let path = self.folder.path().join("config.json");
        // ci:secret-of-ci
        std::fs::write(&path, format!("{{\"auths\":{{\"{}\":{{\"auth\":\"Y2k6c2VjcmV0LW9mLWNp\"}}}}}}", self.host))
            .unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// `dayfly up` of hello with both images by this reference.
fn up(user: &User, reference: &str, more: &[&str]) -> crate::support::Ended {
    let hello = repository().join("environments/hello");
    let (greeter, web) = (format!("greeter={reference}"), format!("web={reference}"));
    let fixed = ["up", hello.to_str().unwrap(), "--pr", "441", "--image", &greeter, "--image", &web];
    user.dayfly(&[&fixed[..], more].concat())
}

#[test]
fn pins_tags_to_digests_and_pulls_with_credentials_through_the_mirror() {
    let user = in_cluster!();
    let Some(registry) = Registry::start() else { return };
    user.owns("hello-pr-441");
    // Its name is an address, which only a policy allows.
    let policy = format!(
        "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ndefault: {{ registries: ['{}/*', docker.io/*, localhost/*] }}\n",
        registry.host
    );
    std::fs::write(user.folder.path().join("policy.yaml"), policy).unwrap();
    let policy = ["--policy", "policy.yaml"];
    let own = format!("{}/team/hello:1", registry.host);
    up(&user, &own, &[]).code(2).says("is not allowed");
    up(&user, &own, &policy).code(4).says("the registry refuses it").says("--pull-secret");
    let credentials = registry.credentials();
    let pull = ["--policy", "policy.yaml", "--pull-secret", credentials.as_str()];
    let absent = format!("{}/team/hello:nope", registry.host);
    up(&user, &absent, &pull).code(4).says("the registry does not have it");
    user.finds_nothing_of("hello-pr-441");
    // By a name that is nowhere, through the mirror.
    let mirrored = [&pull[..], &["--registry-mirror", registry.host.as_str()]].concat();
    up(&user, "docker.io/team/hello:1", &mirrored).code(0);
    let pod = object("hello-pr-441", "pod", "web");
    let image = pod["spec"]["containers"][0]["image"].as_str().unwrap();
    let pinned = format!("{}/team/hello@sha256:", registry.host);
    assert!(image.starts_with(&pinned), "{image}");
    let ran = pod["status"]["containerStatuses"][0]["imageID"].as_str().unwrap();
    assert!(ran.ends_with(&image[image.find("@sha256:").unwrap()..]), "{ran} is not {image}");
    let status = user.dayfly(&["status", "hello-pr-441"]).code(0);
    status.says("docker.io/team/hello:1");
    user.dayfly(&["down", "hello-pr-441"]).code(0);
    let hello = repository().join("environments/hello");
    user.owns("hello-pr-442");
    // What is said of `other` is said of the greeter here.
    let flags = sources::FLAGS.map(|flag| flag.replace("other=", "greeter="));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let image = ["--image", "web=docker.io/team/hello:1"];
    user.runs(hello.to_str().unwrap(), "442", &[&mirrored[..], &image, &flags].concat()).code(0);
    sources::are_named(&user, "hello-pr-442", "greeter");
}
