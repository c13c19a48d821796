//! The steps `listen`, `expect` and `expectNothing`. Messages are collected in the background and compared later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lapin::Acker;
use lapin::options::{BasicAckOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use tokio::time::Instant;

use super::absence::{PublishedMessages, Route};
use super::amqp_error::AmqpError;
use super::amqp_session::{Session, limited, short};
use super::collector::{Buffer, Collected, Collector};
use super::state::AgentState;
use super::step_result::{StepFailed, StepPassed};
use crate::spec::model::{Expect, ExpectNothing, Listen, Vhost};

/// Waiting time of an `expect` without `within`.
const PATIENCE: Duration = Duration::from_secs(5);

/// Performs the `listen` step: binds a private queue to the exchange and collects all messages from now on.
pub(super) async fn listen(state: &AgentState, step: &Listen) -> Result<StepPassed, StepFailed> {
    let expected = format!("{} to receive the messages of exchange {}", step.user, step.exchange);
    let name = format!("dayfly.{}", uuid::Uuid::now_v7());
    let open = async {
        let session = Session::open(state, &step.user, &step.vhost).await?;
        let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        limited("declare", session.channel.queue_declare(short(&name)?, options, FieldTable::default())).await?;
        let (exchange, key) = (short(&step.exchange)?, short(&step.key)?);
        limited(
            "bind",
            session.channel.queue_bind(
                short(&name)?,
                exchange,
                key,
                QueueBindOptions::default(),
                FieldTable::default(),
            ),
        )
        .await?;
        Collector::consume(session, &name, true).await
    };
    let mut collector = open.await.map_err(|e: AmqpError| e.missed(expected))?;
    collector.route = Some(Route { vhost: step.vhost.clone(), exchange: step.exchange.clone(), key: step.key.clone() });
    state.listeners().insert(step.name.clone(), Arc::new(collector));
    Ok(StepPassed::saw(format!("queue {name} collects from exchange {} with key {:?}", step.exchange, step.key)))
}

/// Performs the `expect` step: takes exactly `count` matching messages out of the collection.
pub(super) async fn expect(
    state: &AgentState,
    step: &Expect,
    within: Option<Duration>,
) -> Result<StepPassed, StepFailed> {
    let until = Instant::now() + within.unwrap_or(PATIENCE);
    match (&step.on, &step.queue) {
        (Some(name), _) => {
            let collector = listener(state, name)?;
            let found = collector.watch(until, |buffer, over| compare(buffer, step, over)).await;
            let found = found.unwrap_or_else(|| Err(StepFailed::agent_fault("an outcome", "none")));
            found.map_err(|failed| match (&collector.route, collector.buffer().messages.is_empty()) {
                (Some(route), true) => with_absence(failed, state, &route.vhost, |published, declared| {
                    published.missed_by_listen(declared, route)
                }),
                _ => failed,
            })
        }
        (None, Some(queue)) => from_queue(state, step, queue, until).await,
        (None, None) => Err(StepFailed::agent_fault("a listen or a queue to take messages from", "neither")),
    }
}

/// Acknowledges matching messages; all others return to the queue.
async fn from_queue(state: &AgentState, step: &Expect, queue: &str, until: Instant) -> Result<StepPassed, StepFailed> {
    let expected = expectation(step);
    let (Some(user), Some(vhost)) = (&step.user, &step.vhost) else {
        return Err(StepFailed::agent_fault(expected, "no user and virtual host to take them with"));
    };
    let session = Session::open(state, user, vhost).await.map_err(|e| e.missed(&expected))?;
    let mut collector = Collector::consume(session, queue, false).await.map_err(|e| e.missed(&expected))?;
    let found = collector
        .watch(until, |buffer, over| compare(buffer, step, over))
        .await
        .unwrap_or_else(|| Err(StepFailed::agent_fault(&expected, "no outcome")));
    if found.is_ok() {
        let taken: Vec<Acker> =
            collector.buffer().messages.iter().filter(|m| m.taken).map(|m| m.acker.clone()).collect();
        for acker in taken {
            limited("acknowledge", acker.ack(BasicAckOptions::default())).await.map_err(|e| e.missed(&expected))?;
        }
    }
    if let Some(session) = collector.session.take() {
        session.close().await;
    }
    let is_empty = collector.buffer().messages.is_empty();
    found.map_err(|failed| match is_empty {
        true => {
            with_absence(failed, state, vhost, |published, declared| published.missed_by_queue(vhost, declared, queue))
        }
        false => failed,
    })
}

/// Adds why nothing can have arrived, where the description shows it.
fn with_absence(
    mut failed: StepFailed,
    state: &AgentState,
    vhost: &str,
    why: impl FnOnce(&PublishedMessages, &Vhost) -> Option<String>,
) -> StepFailed {
    let declared = state.context.broker.as_ref().and_then(|b| b.vhosts.get(vhost));
    if let Some(why) = declared.and_then(|declared| why(&state.published(), declared)) {
        failed.got.push_str("; ");
        failed.got.push_str(&why);
    }
    failed
}

/// Performs the `expectNothing` step: no message for the whole time, except those that an `expect` took.
pub(super) async fn expect_nothing(state: &AgentState, step: &ExpectNothing) -> Result<StepPassed, StepFailed> {
    let expected = format!("no message on {} for {}", step.on, step.duration);
    let duration = humantime::parse_duration(&step.duration)
        .map_err(|e| StepFailed::agent_fault(&expected, format!("`{}` is not a duration: {e}", step.duration)))?;
    let collector = listener(state, &step.on)?;
    let heard =
        collector.watch(Instant::now() + duration, |buffer, _| match buffer.messages.iter().find(|m| !m.taken) {
            Some(collected) => Some(collected.message.describe()),
            None => buffer.ended.as_ref().map(|end| format!("the listen ended: {end}")),
        });
    match heard.await {
        Some(got) => Err(StepFailed::new(expected, got)),
        None => Ok(StepPassed::saw(format!("no message for {}", step.duration))),
    }
}

fn listener(state: &AgentState, name: &str) -> Result<Arc<Collector>, StepFailed> {
    let found = state.listeners().get(name).cloned();
    found.ok_or_else(|| {
        StepFailed::agent_fault(format!("a listen named {name}"), "no earlier step of this link began it")
    })
}

fn expectation(step: &Expect) -> String {
    let mut text = format!("exactly {} message{}", step.count, if step.count == 1 { "" } else { "s" });
    if let Some(key) = &step.key {
        text.push_str(&format!(" with key {key:?}"));
    }
    if let Some(json) = &step.json {
        text.push_str(&format!(" with JSON {}", super::matching::excerpt(&json.to_string())));
    }
    text
}

/// Compares the messages with the step; returns none while it must wait.
fn compare(buffer: &mut Buffer, step: &Expect, over: bool) -> Option<Result<StepPassed, StepFailed>> {
    if let Some(text) = &step.lacks
        && let Some(found) = buffer.messages.iter().find(|m| m.message.contains(text))
    {
        return Some(Err(StepFailed::new(format!("no message that contains {text:?}"), found.message.describe())));
    }
    let chosen: Vec<usize> = (0..buffer.messages.len())
        .filter(|i| !buffer.messages[*i].taken && buffer.messages[*i].message.other(step).is_none())
        .collect();
    if let Some((expected, got)) = chosen.iter().find_map(|i| buffer.messages[*i].message.fault(step)) {
        return Some(Err(StepFailed::new(expected, got)));
    }
    let wanted = usize::from(step.count);
    if chosen.len() > wanted {
        return Some(Err(StepFailed::new(expectation(step), format!("{} of them", chosen.len()))));
    }
    // An expectation of no message is proven only at the end.
    if chosen.len() == wanted && (wanted > 0 || over) {
        return Some(take_chosen(buffer, &chosen, step));
    }
    let ended = buffer.ended.as_ref().map(|end| format!("; the listen ended: {end}"));
    (over || ended.is_some()).then(|| {
        Err(StepFailed::new(expectation(step), count(buffer, step, chosen.len()) + &ended.unwrap_or_default()))
    })
}

fn take_chosen(buffer: &mut Buffer, chosen: &[usize], step: &Expect) -> Result<StepPassed, StepFailed> {
    let mut captured = BTreeMap::new();
    if let Some(first) = chosen.first() {
        let message = &buffer.messages[*first].message;
        for (name, source) in &step.capture {
            let value = message.capture(source).ok_or_else(|| {
                StepFailed::new(format!("{source} in the message, for the variable {name}"), message.describe())
            })?;
            captured.insert(name.clone(), value);
        }
    }
    for i in chosen {
        buffer.messages[*i].taken = true;
    }
    Ok(StepPassed { saw: format!("{} message(s)", chosen.len()), captured })
}

fn count(buffer: &Buffer, step: &Expect, found: usize) -> String {
    let others: Vec<&Collected> =
        buffer.messages.iter().filter(|m| !m.taken && m.message.other(step).is_some()).collect();
    match others.last() {
        None => format!("{found} of them, and no other message"),
        Some(last) => {
            let why = last.message.other(step).unwrap_or_default();
            format!("{found} of them, and {} other(s); the last: {why} ({})", others.len(), last.message.describe())
        }
    }
}
