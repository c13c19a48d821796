//! Writes a draft as YAML with comments. Pure.

use std::path::Path;

use super::draft::{Backing, Broker, Database, Draft, FileSource, Need, Resources, Service};
use super::scalar::{comment, quoted};
use super::variables::CHANGE_ME;
use crate::spec::backing::KindName;
use crate::spec::model::API_VERSION;
use crate::spec::ports::is_port_name;

use lines::Lines;

mod lines;
mod suite;

/// A draft as text.
pub(super) struct Written {
    pub(super) text: String,
    pub(super) questions: usize,
}

/// The description of a draft.
pub(super) fn write(draft: &Draft, origin: &Path) -> Written {
    let mut out = Lines::default();
    out.line(
        0,
        &format!("# A draft from {}: answer the questions, and remove them.", comment(&origin.display().to_string())),
    );
    out.line(0, "# Services run without root and with a read-only file system. An image that cannot needs `writable`, or an exception");
    out.line(0, "# under `security` with a reason.");
    out.line(0, &format!("apiVersion: {API_VERSION}"));
    out.line(0, "kind: Environment");
    out.line(0, &format!("name: {}", quoted(&draft.name)));
    draft.questions.iter().for_each(|question| out.ask(0, question));
    if !draft.values.is_empty() {
        out.line(0, "");
        out.line(0, "values:");
        for (name, value) in &draft.values {
            if value == CHANGE_ME {
                out.ask(1, &format!("what is {name}? The input has no default, or a secret one"));
            }
            out.line(1, &format!("{}: {}", quoted(name), always_quoted(value)));
        }
    }
    if !draft.secrets.is_empty() {
        out.line(0, "");
        out.line(0, "# Generated for each environment; no value of the input is copied.");
        out.line(0, "secrets:");
        draft.secrets.iter().for_each(|name| out.line(1, &format!("{}: {{}}", quoted(name))));
    }
    if !draft.services.is_empty() {
        out.line(0, "");
        out.line(0, "services:");
        draft.services.iter().for_each(|s| service(&mut out, s));
    }
    draft.broker.iter().for_each(|b| broker(&mut out, b));
    if !draft.databases.is_empty() {
        out.line(0, "");
        out.line(0, "databases:");
        draft.databases.iter().for_each(|d| database(&mut out, d));
    }
    for kind in KindName::ALL.map(KindName::noun) {
        let of_kind: Vec<_> = draft.backing.iter().filter(|b| b.kind == kind).collect();
        if !of_kind.is_empty() {
            out.line(0, "");
            out.line(0, &format!("{kind}:"));
            of_kind.into_iter().for_each(|b| backing(&mut out, b));
        }
    }
    suite::suite(&mut out, draft);
    Written { text: out.text, questions: out.questions }
}

fn always_quoted(value: &str) -> String {
    let text = quoted(value);
    if text.starts_with('"') { text } else { format!("\"{text}\"") }
}

fn service(out: &mut Lines, s: &Service) {
    out.line(1, &format!("{}:", quoted(&s.name)));
    let ask = |out: &mut Lines, key: &str| {
        s.questions.iter().filter(|(at, _)| *at == key).for_each(|(_, question)| out.ask(2, question));
    };
    ask(out, "image");
    out.line(2, &format!("image: {}", quoted(&s.image)));
    ask(out, "command");
    command(out, s);
    ask(out, "port");
    if let Some(port) = s.port {
        out.line(2, &format!("port: {port}"));
    }
    ports(out, s);
    ask(out, "env");
    if !s.env.is_empty() {
        out.line(2, "env:");
        s.env.iter().for_each(|(name, value)| out.text(3, &quoted(name), value));
    }
    secret_env(out, s);
    ask(out, "files");
    if !s.files.is_empty() {
        out.line(2, "files:");
        for file in &s.files {
            match &file.source {
                FileSource::Path(path) => {
                    out.line(3, &format!("{}: {{ path: {} }}", quoted(&file.target), quoted(path)))
                }
                FileSource::Text(text) => {
                    out.line(3, &format!("{}:", quoted(&file.target)));
                    out.text(4, "text", text);
                }
            }
        }
    }
    ask(out, "secrets");
    out.list(2, "secrets", &s.secrets);
    ask(out, "needs");
    needs(out, &s.needs);
    out.list(2, "callers", &s.callers);
    ask(out, "ready");
    ready(out, s);
    ask(out, "restart");
    s.restart.iter().for_each(|restart| out.line(2, &format!("restart: {restart}")));
    s.replicas.iter().for_each(|n| out.line(2, &format!("replicas: {n}")));
    ask(out, "resources");
    resources(out, 2, &s.resources);
    ask(out, "writable");
    out.list(2, "writable", &s.writable);
    ask(out, "security");
    security(out, s);
}

/// Several ports, by the names of the input or else by their numbers.
fn ports(out: &mut Lines, s: &Service) {
    if s.ports.len() < 2 {
        return;
    }
    let name = |port: &u16| s.port_names.get(port).filter(|name| is_port_name(name)).cloned();
    let names: Vec<Option<String>> = s.ports.iter().map(name).collect();
    let is_unique = |name: &String| names.iter().flatten().filter(|other| *other == name).count() == 1;
    let of = |(port, name): (&u16, &Option<String>)| {
        format!("{}: {port}", name.clone().filter(is_unique).unwrap_or_else(|| format!("p{port}")))
    };
    let items: Vec<String> = s.ports.iter().zip(&names).map(of).collect();
    out.line(2, &format!("ports: {{ {} }}", items.join(", ")));
}

fn command(out: &mut Lines, s: &Service) {
    match (s.entrypoint.is_empty(), s.args.is_empty()) {
        (true, true) => {}
        (false, _) => out.list(2, "command", &[s.entrypoint.as_slice(), &s.args].concat()),
        (true, false) => {
            out.ask(
                2,
                "the input keeps the entrypoint of the image, and changes its arguments: write both into `command`",
            );
            let args: Vec<String> = s.args.iter().map(|a| quoted(a)).collect();
            out.line(2, &format!("# command: [{}]", comment(&args.join(", "))));
        }
    }
}

fn secret_env(out: &mut Lines, s: &Service) {
    if s.secret_env.is_empty() {
        return;
    }
    out.ask(2, "can the image read these from files in /run/secrets? Then leave them out, and name the files");
    out.line(2, "secretEnv:");
    s.secret_env.iter().for_each(|(name, value)| out.line(3, &format!("{}: {}", quoted(name), quoted(value))));
}

fn needs(out: &mut Lines, needs: &[Need]) {
    if needs.is_empty() {
        return;
    }
    out.line(2, "needs:");
    for need in needs {
        match (&need.named_in, need.is_first) {
            (Some(place), _) => out.line(3, &format!("- {}  # named in {}", quoted(&need.unit), comment(place))),
            (None, _) => {
                out.ask(3, &format!("it starts after {}, and no value names that host: does it call it?", need.unit));
                out.line(3, &format!("- {}", quoted(&need.unit)));
            }
        }
    }
}

fn ready(out: &mut Lines, s: &Service) {
    let within = s.within_secs.filter(|secs| *secs > 60).map(|secs| format!("within: {secs}s"));
    let default = || s.port.map_or_else(|| "stayUp: 1s".to_owned(), |port| format!("tcp: {port}"));
    let check = s.ready.clone().or_else(|| within.as_ref().map(|_| default()));
    if let Some(check) = check {
        let parts: Vec<String> = [Some(check), within].into_iter().flatten().collect();
        out.line(2, &format!("ready: {{ {} }}", parts.join(", ")));
    }
}

fn resources(out: &mut Lines, depth: usize, r: &Resources) {
    if r.is_empty() {
        return;
    }
    let memory = r.memory.as_ref().map(|m| format!("memory: {m}"));
    let cpu = r.cpu.as_ref().map(|c| format!("cpu: \"{c}\""));
    let pids = r.pids.map(|p| format!("pids: {p}"));
    let parts: Vec<String> = [memory, cpu, pids].into_iter().flatten().collect();
    out.line(depth, &format!("resources: {{ {} }}", parts.join(", ")));
}

fn security(out: &mut Lines, s: &Service) {
    if let Some(user) = &s.user {
        out.line(2, "security:");
        out.line(3, &format!("user: \"{user}\""));
    }
}

fn database(out: &mut Lines, d: &Database) {
    out.line(1, &format!("{}:", quoted(&d.name)));
    d.questions.iter().for_each(|question| out.ask(2, question));
    out.line(2, &format!("image: {}", quoted(&d.image)));
    d.database.iter().for_each(|name| out.line(2, &format!("database: {}", quoted(name))));
    out.list(2, "roles", &d.roles);
    out.list(2, "sql", &d.sql);
    out.list(2, "callers", &d.callers);
    resources(out, 2, &d.resources);
}

fn backing(out: &mut Lines, b: &Backing) {
    out.line(1, &format!("{}:", quoted(&b.name)));
    b.questions.iter().for_each(|question| out.ask(2, question));
    out.line(2, &format!("image: {}", quoted(&b.image)));
    out.list(2, "callers", &b.callers);
    resources(out, 2, &b.resources);
}

fn broker(out: &mut Lines, b: &Broker) {
    out.line(0, "");
    out.line(0, "broker:");
    b.questions.iter().for_each(|question| out.ask(1, question));
    out.line(1, &format!("name: {}", quoted(&b.name)));
    out.line(1, &format!("image: {}", quoted(&b.image)));
    out.line(1, &format!("vhosts: {{ {}: {{}} }}", quoted(&b.vhost)));
    out.ask(1, "which exchanges and queues may the user configure, write and read? `.*` allows all");
    let all = "{ configure: \".*\", write: \".*\", read: \".*\" }";
    out.line(1, &format!("users: {{ {}: {{ permissions: {{ {}: {all} }} }} }}", quoted(&b.user), quoted(&b.vhost)));
    out.list(1, "callers", &b.callers);
    resources(out, 1, &b.resources);
}
