//! Words of Compose files, Kubernetes and Helm, and what they are called here. Pure.

use crate::spec::backing::KindName;

/// Where a key stands, as far as it decides what is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Service,
    Job,
    Database,
    Broker,
    Backing,
    Suite,
    Ready,
    Resources,
    Other,
}

/// Says what a key of another program is called here; `parent` is the path of the mapping that has it.
pub(super) fn advice(parent: &str, key: &str) -> Option<&'static str> {
    let place = place(parent);
    match place {
        Place::Top => top(key),
        Place::Ready => ready(key),
        Place::Resources => resources(key),
        Place::Service | Place::Job | Place::Suite | Place::Database | Place::Broker | Place::Backing => {
            of_kind(place, key).or_else(|| unit(key))
        }
        Place::Other => None,
    }
}

fn place(parent: &str) -> Place {
    let mut parts = parent.split('.');
    match (parts.next().unwrap_or_default(), parts.next(), parts.next(), parts.next()) {
        ("", None, ..) => Place::Top,
        ("services", Some(_), None, _) => Place::Service,
        ("jobs", Some(_), None, _) => Place::Job,
        ("databases", Some(_), None, _) => Place::Database,
        ("suites", Some(_), None, _) => Place::Suite,
        (section, Some(_), None, _) if is_kind(section) => Place::Backing,
        ("broker", None, ..) => Place::Broker,
        ("services", Some(_), Some("ready"), None) => Place::Ready,
        ("services" | "jobs" | "databases" | "suites", Some(_), Some("resources"), None) => Place::Resources,
        ("broker", Some("resources"), None, _) => Place::Resources,
        (section, Some(_), Some("resources"), None) if is_kind(section) => Place::Resources,
        _ => Place::Other,
    }
}

fn is_kind(section: &str) -> bool {
    KindName::ALL.into_iter().any(|kind| kind.noun() == section)
}

fn top(key: &str) -> Option<&'static str> {
    Some(match key {
        "version" => "remove it: `apiVersion` is the version of the format",
        "networks" => "remove it: networks follow from `needs` and `callers` of each service",
        "volumes" => "remove it: list folders under `writable` of a service, and files under `files`",
        "configs" | "configMap" => "give files to a service under its `files`",
        "metadata" => "write `name` at the top level",
        "spec" | "template" => "write `services`, `broker`, `databases` and `suites` at the top level",
        "containers" | "deployments" | "pods" => "declare each under `services`, by name",
        "environment" | "env" => "write `env` in each service; `values` are for templates",
        "queues" | "exchanges" | "vhosts" => "write it under `broker`",
        "tests" => "declare each under `suites`, by name",
        "resources" | "backing" => "write a section for each kind, such as `redis`",
        _ => return None,
    })
}

/// Words that mean something else for each kind of unit, or that only one kind has.
fn of_kind(place: Place, key: &str) -> Option<&'static str> {
    Some(match (place, key) {
        (Place::Suite, "depends_on" | "dependsOn" | "links") => {
            "write `needs`: a list of the units that the suite may call"
        }
        (Place::Suite, "port" | "ports" | "expose" | "healthcheck" | "readinessProbe" | "livenessProbe") => {
            "remove it: nothing can call a suite"
        }
        (Place::Job, "port" | "ports" | "expose" | "healthcheck" | "readinessProbe" | "livenessProbe" | "callers") => {
            "remove it: nothing can call a job, and it is ready when it has ended with exit code 0"
        }
        (Place::Job, "backoffLimit" | "restart" | "restartPolicy") => "write `retries`: how often it runs again",
        (Place::Job, "activeDeadlineSeconds" | "within") => "write `timeout`, such as `5m`",
        (Place::Suite, "tests" | "steps") => "write `cases`, each with `id`, `name` and `steps`",
        (Place::Database | Place::Broker, "environment" | "env_file" | "envFrom") => {
            "write `env`; dayfly sets the usual variables, and generates the passwords of `roles` or `users`"
        }
        (Place::Database | Place::Broker, "command" | "args") => {
            "write the parameters of the server under `config`; dayfly starts the image as it is"
        }
        (Place::Database | Place::Broker, "port" | "ports" | "expose" | "containerPort") => {
            "remove it: the port is the usual one (5432; 5672, or 5671 with TLS)"
        }
        (Place::Backing, "environment" | "env" | "env_file" | "envFrom" | "password") => {
            "remove it: dayfly configures the server, and generates its passwords"
        }
        (Place::Backing, "port" | "ports" | "expose" | "containerPort") => "remove it: the port is the usual one",
        (Place::Backing, "healthcheck" | "readinessProbe" | "livenessProbe" | "startupProbe") => {
            "remove it: it is ready when a login works; `within` is the time limit"
        }
        (Place::Database | Place::Broker, "healthcheck" | "readinessProbe" | "livenessProbe" | "startupProbe") => {
            "remove it: it is ready when every role or user can log in; `within` is the time limit"
        }
        (
            Place::Database | Place::Broker | Place::Backing,
            "volumes" | "volumeMounts" | "command" | "entrypoint" | "args",
        ) => "remove it: dayfly mounts what the image needs, and starts it as it is",
        (Place::Database | Place::Broker | Place::Backing, "depends_on" | "dependsOn") => {
            "remove it: it makes no calls; who may call it stands in their `needs`, or in its `callers`"
        }
        (Place::Database, "user" | "users" | "password") => {
            "write `roles`: a list of names, each with a generated password"
        }
        _ => return None,
    })
}

fn unit(key: &str) -> Option<&'static str> {
    Some(match key {
        "environment" => "write `env`: a mapping of names to texts",
        "env_file" | "envFrom" => "write the variables under `env`, or a file under `files`",
        "depends_on" | "dependsOn" | "links" => {
            "write `needs`: a list of units that must be ready first, and that it may call"
        }
        "healthcheck" | "readinessProbe" | "livenessProbe" | "startupProbe" => {
            "write `ready`, with `http: /path`, `tcp: port`, `consumers` or `exec`"
        }
        "volumes" | "volumeMounts" | "tmpfs" => {
            "write `writable` for folders (a list of paths, initially empty), and `files` for files"
        }
        "configs" | "configMaps" => "write `files`, by absolute path under `/etc/dayfly/`",
        "working_dir" => "write `workingDir`: an absolute path",
        "stop_signal" => "write `stopSignal`, such as `SIGQUIT`",
        "stop_grace_period" | "terminationGracePeriodSeconds" => "write `stopGrace`, such as `10s`",
        "ports" | "expose" | "containerPort" => "write `port`: one number, or `ports`: a mapping of names to numbers",
        "build" => "build the image first, and write its reference under `image`",
        "networks" | "network_mode" | "hostNetwork" => "remove it: networks follow from `needs` and `callers`",
        "container_name" | "hostname" | "name" => "remove it: the key above is the name",
        "initContainers" => "write each as one of `jobs`, and name it in `needs`",
        "restart" => "remove it: only services have `restart`",
        "restartPolicy" => "write `restart` in a service: `never` (default), `on-failure` or `always`",
        "deploy" | "scale" => "write `replicas`, and limits under `resources`",
        "mem_limit" | "cpus" | "pids_limit" | "limits" => "write `resources`, with `memory`, `cpu` and `pids`",
        "user" | "privileged" | "cap_add" | "cap_drop" | "read_only" | "securityContext" => {
            "write `security`: `user`, and with a `reason` `root`, `writableRoot` or `capabilities`"
        }
        "containers" | "sidecars" | "spec" | "template" => {
            "write `image`, `command` and `port` here; each container is a service of its own"
        }
        "imagePullPolicy" | "pull_policy" => "remove it: images are pulled if the engine does not have them",
        _ => return None,
    })
}

fn ready(key: &str) -> Option<&'static str> {
    Some(match key {
        "httpGet" => "write `http: /path`; `port` is the number or name of another port than the service's main one",
        "tcpSocket" => "write `tcp: port`",
        "test" | "command" => "write `exec`: a list of the program and its arguments",
        "grpc" => "write `tcp: port`, or a client of gRPC under `exec`",
        "interval"
        | "timeout"
        | "retries"
        | "start_period"
        | "initialDelaySeconds"
        | "periodSeconds"
        | "timeoutSeconds"
        | "failureThreshold" => "write `within`: the time limit, such as `60s`",
        _ => return None,
    })
}

fn resources(key: &str) -> Option<&'static str> {
    Some(match key {
        "limits" | "requests" | "reservations" => "write `memory`, `cpu` and `pids` here: they are limits",
        "cpus" => "write `cpu`, such as `500m` or `1`",
        "mem" => "write `memory`, such as `256Mi`",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_decides_what_a_word_means() {
        assert!(advice("services.api", "expose").is_some_and(|a| a.contains("`port`")));
        assert!(advice("databases.db", "ports").is_some_and(|a| a.contains("5432")));
        assert!(advice("suites.smoke", "ports").is_some_and(|a| a.contains("nothing can call")));
        assert!(advice("services.api.ready", "httpGet").is_some_and(|a| a.contains("`http: /path`")));
        assert_eq!(advice("suites.smoke.cases[0]", "ports"), None);
        assert_eq!(advice("services.api", "prot"), None);
    }
}
