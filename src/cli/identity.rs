//! In whose name this process removes: the system's user, the CI job, and what the engine knows it as.

use crate::engine::Engine;
use crate::evidence::predicate::{Remover, RunnerId};

use super::{ci, process_env};

/// Who this is, also by the name that the engine knows it by.
pub async fn on_engine(engine: &dyn Engine) -> Remover {
    Remover { account: engine.account().await, ..current() }
}

/// Who this is.
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

/// The name of the process's user. Variables say what somebody wants them to say; the system's table does not.
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
    fn a_user_is_named_by_the_systems_table() {
        let table = "root:x:0:0:root:/root:/bin/sh\nbroken\nci:x:1001:1001::/home/ci:/bin/sh\n";
        assert_eq!(named(table, 1001).as_deref(), Some("ci"));
        assert_eq!(named(table, 7), None);
    }
}
