//! Why keys of a service are dropped. Data only.

/// Keys that mean nothing for a test environment, or that dayfly does by itself: dropped without a question.
const MEANINGLESS: [&str; 14] = [
    "attach",
    "init",
    "platform",
    "pull_policy",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "tty",
    "version",
    "develop",
    "oom_score_adj",
    "mem_reservation",
    "cpu_shares",
    "mem_swappiness",
];

/// Why a key that the draft does not have was dropped.
pub(super) fn reason(key: &str) -> &'static str {
    match key {
        "container_name" | "hostname" => "units are called by their names in the description",
        "labels" | "annotations" | "logging" | "label_file" => {
            "nothing of an environment reads it; `dayfly logs` shows logs"
        }
        "read_only" => "the root file system is always read-only, unless `security.writableRoot` says otherwise",
        "privileged" | "devices" | "device_cgroup_rules" | "gpus" | "cgroup_parent" | "cgroup" => {
            "a container never gets power over the machine"
        }
        "security_opt" | "cap_drop" | "userns_mode" => "containers have no capabilities and gain no privileges anyway",
        "network_mode" | "pid" | "ipc" | "uts" => "every unit has namespaces of its own",
        "dns" | "dns_search" | "dns_opt" | "extra_hosts" | "external_links" => {
            "nothing outside of the environment has a name, or can be reached"
        }
        "sysctls" | "ulimits" | "shm_size" | "blkio_config" | "oom_kill_disable" | "memswap_limit" | "cpuset"
        | "cpu_quota" | "cpu_period" => "limits are memory, CPU and processes: see `resources`",
        "volumes_from" => "units share no files",
        "group_add" => "a container has the groups of its image's user; write `user: \"1000:1000\"`",
        "domainname" | "mac_address" => "dayfly chooses addresses and names",
        "post_start" | "pre_stop" => "nothing runs beside the process of a service: write a step of a suite",
        "working_dir" => "write it as `workingDir`, which drafts do not do yet",
        key if MEANINGLESS.contains(&key) => "it means nothing for a test environment",
        _ => "a description has nothing like it",
    }
}
