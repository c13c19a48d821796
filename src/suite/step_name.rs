//! What a step is called in reports and on the screen. Pure.

use crate::agent::matching;
use crate::spec::model::{Action, AmqpOperation, Step};

/// What a report calls a step: its name, and what it does.
pub(super) fn name_of(step: &Step) -> String {
    step.name.clone().map_or_else(|| describe(step), |name| format!("{name}: {}", describe(step)))
}

/// Describes the step without the values of variables and secrets.
fn describe(step: &Step) -> String {
    let refused = |r: bool| if r { " must be refused" } else { "" };
    let what = match &step.action {
        Action::Http(a) => format!("{} {}", a.method, a.url),
        Action::Tcp(a) => format!("TCP {}{}", a.to, refused(a.refused)),
        Action::Resolve(a) => format!("resolve {}{}", a.host, refused(a.refused)),
        Action::AmqpLogin(a) => format!("log in to {} as {}{}", a.vhost, a.user, refused(a.refused)),
        Action::Publish(a) => format!("publish to {} {} as {}", a.exchange, a.key, a.user),
        Action::Listen(a) => format!("listen to {} {}", a.exchange, a.key),
        Action::Expect(a) => format!(
            "expect {} message(s) on {}",
            a.count,
            a.on.as_ref().or(a.queue.as_ref()).map_or("?", String::as_str)
        ),
        Action::ExpectNothing(a) => format!("expect nothing on {} for {}", a.on, a.duration),
        Action::AmqpTry(a) => {
            let target = [a.queue.as_str(), a.exchange.as_str()]
                .into_iter()
                .filter(|t| !t.is_empty())
                .collect::<Vec<_>>()
                .join(" ");
            format!("{} {target} as {}{}", operation(a.operation), a.user, refused(a.refused))
        }
        Action::QueueDepth(a) => format!("depth of {}", a.queue),
        Action::Sql(a) => format!("SQL on {} as {}{}", a.database, a.role, refused(a.refused)),
        Action::Redis(a) => {
            let command = a.command.first().map_or("?", String::as_str);
            format!("{command} on {} as {}{}", a.service, a.user, refused(a.refused))
        }
        Action::S3(a) => {
            format!("{} {}/{} on {}{}", a.operation.noun(), a.bucket, a.key, a.service, refused(a.refused))
        }
        Action::Stop(a) => format!("stop {}", a.service),
        Action::Start(a) => format!("start {}", a.service),
        Action::Restart(a) => format!("restart {}", a.service),
        Action::Exec(a) => format!("run in {}: {}", a.service, matching::excerpt(&a.command.join(" "))),
        Action::Jwt(a) => {
            let fault = a.fault.and_then(|f| serde_json::to_value(f).ok()?.as_str().map(|f| format!(", {f}")));
            format!("token of {}{}", a.key, fault.unwrap_or_default())
        }
        Action::Repeat(a) => format!("{} step(s), {} time(s)", a.steps.len(), a.times),
        Action::Wait(a) => format!("wait {}", a.duration),
        Action::Confined(_) => "services are confined".into(),
        Action::NoWayOut(_) => "no way out".into(),
        Action::NoNeighbour(_) => "no way to another environment".into(),
        Action::NoSecretsLeaked(_) => "no secret leaked".into(),
    };
    step.from.as_ref().map_or_else(|| what.clone(), |from| format!("{what} (from {from})"))
}

fn operation(operation: AmqpOperation) -> &'static str {
    use AmqpOperation as Op;
    match operation {
        Op::Publish => "publish",
        Op::Consume => "consume",
        Op::Bind => "bind",
        Op::DeclareQueue => "declare queue",
        Op::DeclareExchange => "declare exchange",
    }
}
