//! Inspects exchanges and queues by passive declarations, which change nothing.

use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, ExchangeKind};

use super::amqp_error::AmqpError;
use super::amqp_session::{Session, limited, short};
use super::state::AgentState;
use super::step_result::{StepFailed, StepPassed};
use crate::spec::model::QueueDepth;

/// The numbers of ready messages and consumers of a queue.
#[derive(Debug, PartialEq)]
pub(super) struct QueueCounts {
    pub messages: u32,
    pub consumers: u32,
}

/// Inspects a queue; needs no permission on it.
pub(super) async fn numbers(channel: &Channel, queue: &str) -> Result<QueueCounts, AmqpError> {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let found = limited("declare", channel.queue_declare(short(queue)?, passive, FieldTable::default())).await?;
    Ok(QueueCounts { messages: found.message_count(), consumers: found.consumer_count() })
}

/// Inspects an exchange; its type is not compared.
pub(super) async fn exchange(channel: &Channel, name: &str) -> Result<(), AmqpError> {
    let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
    limited("declare", channel.exchange_declare(short(name)?, ExchangeKind::Topic, passive, FieldTable::default()))
        .await
}

/// Inspects a queue over its own connection.
pub(super) async fn ask(state: &AgentState, user: &str, vhost: &str, queue: &str) -> Result<QueueCounts, AmqpError> {
    let session = Session::open(state, user, vhost).await?;
    let found = numbers(&session.channel, queue).await;
    session.close().await;
    found
}

/// Performs the `queueDepth` step.
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
