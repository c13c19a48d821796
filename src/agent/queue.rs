//! What a passive declaration tells of the topology: that it is there, and the numbers of a queue. Changes nothing.

use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, ExchangeKind};

use super::amqp_error::AmqpError;
use super::amqp_session::{Session, limited, short};
use super::state::AgentState;
use super::step_result::{StepFailed, StepPassed};
use crate::spec::model::QueueDepth;

/// Ready messages and consumers of a queue.
#[derive(Debug, PartialEq)]
pub(super) struct Numbers {
    pub messages: u32,
    pub consumers: u32,
}

/// Asks for a queue; needs no permission on it.
pub(super) async fn numbers(channel: &Channel, queue: &str) -> Result<Numbers, AmqpError> {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let found = limited("declare", channel.queue_declare(short(queue)?, passive, FieldTable::default())).await?;
    Ok(Numbers { messages: found.message_count(), consumers: found.consumer_count() })
}

/// Asks for an exchange; its type is not compared.
pub(super) async fn exchange(channel: &Channel, name: &str) -> Result<(), AmqpError> {
    let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
    limited("declare", channel.exchange_declare(short(name)?, ExchangeKind::Topic, passive, FieldTable::default()))
        .await
}

/// Numbers of a queue over a connection of its own.
pub(super) async fn ask(state: &AgentState, user: &str, vhost: &str, queue: &str) -> Result<Numbers, AmqpError> {
    let session = Session::open(state, user, vhost).await?;
    let found = numbers(&session.channel, queue).await;
    session.close().await;
    found
}

/// The `queueDepth` step.
pub(super) async fn depth(state: &AgentState, step: &QueueDepth) -> Result<StepPassed, StepFailed> {
    let wish = |number: Option<u32>, what: &str| number.map(|n| format!("{n} {what}"));
    let wishes: Vec<String> =
        [wish(step.messages, "ready messages"), wish(step.consumers, "consumers")].into_iter().flatten().collect();
    let expected = format!("queue {} with {}", step.queue, wishes.join(" and "));
    let found = ask(state, &step.user, &step.vhost, &step.queue).await.map_err(|e| e.missed(&expected))?;
    let saw = format!("{} ready messages and {} consumers", found.messages, found.consumers);
    let holds =
        step.messages.is_none_or(|n| n == found.messages) && step.consumers.is_none_or(|n| n == found.consumers);
    if holds { Ok(StepPassed::saw(saw)) } else { Err(StepFailed::new(expected, saw)) }
}
