//! The identity in removal records: system user, CI job, and account on the engine.

use crate::engine::Engine;
use crate::evidence::predicate::{Remover, RunnerId};

use super::{ci, process_env};

/// The identity of this process, with its account on the engine.
pub async fn on_engine(engine: &dyn Engine) -> Remover {
    Remover { account: engine.account().await, ..current() }
}

/// The identity of this process.
pub fn current() -> Remover {
    let variables = process_env::variables();
    let job = ci::job(&variables, None);
    Remover {
        program: RunnerId { name: "dayfly".into(), version: env!("CARGO_PKG_VERSION").into() },
        host: format!("{}@{}", user(), rustix::system::uname().nodename().to_string_lossy()),
        account: None,
        job: job.url,
        actor: job.actor,
    }
}

/// The name of the process's user, from the system's user table: environment variables can be forged.
fn user() -> String {
    let id = rustix::process::geteuid().as_raw();
    let table = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    named(&table, id).unwrap_or_else(|| format!("uid {id}"))
}

fn named(table: &str, id: u32) -> Option<String> {
    let of = |line: &str| {
        let mut fields = line.split(':');
        let (name, own) = (fields.next()?, fields.nth(1)?);
        (own.parse() == Ok(id)).then(|| name.to_owned())
    };
    table.lines().find_map(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_user_name_from_the_system_table() {
        let table = "root:x:0:0:root:/root:/bin/sh\nbroken\nci:x:1001:1001::/home/ci:/bin/sh\n";
        assert_eq!(named(table, 1001).as_deref(), Some("ci"));
        assert_eq!(named(table, 7), None);
    }
}
