//! The `amqpLogin` and `amqpTry` steps, which check that the broker allows or refuses an operation.
//!
//! Only the broker's own refusal counts as one; a failed connection or a missing object does not.

use lapin::options::{
    BasicCancelOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, ExchangeKind};

use super::amqp_error::AmqpError;
use super::amqp_session::{Session, limited, short};
use super::state::AgentState;
use super::step_result::{StepFailed, StepPassed};
use super::{amqp, queue};
use crate::spec::model::{AmqpLogin, AmqpOperation, AmqpTry};

/// Performs the `amqpLogin` step.
pub(super) async fn login(state: &AgentState, step: &AmqpLogin) -> Result<StepPassed, StepFailed> {
    let what = format!("the login of {} to virtual host {}", step.user, step.vhost);
    let done = match amqp::connect(state, &step.user, &step.vhost, step.password.as_deref()).await {
        Ok(connection) => limited("close", connection.close(200, short("done").unwrap_or_default())).await,
        Err(error) => Err(error),
    };
    compare(done, &what, step.refused)
}

/// Performs the `amqpTry` step.
pub(super) async fn perform(state: &AgentState, step: &AmqpTry) -> Result<StepPassed, StepFailed> {
    let what = describe(step);
    let session = match Session::open(state, &step.user, &step.vhost).await {
        Ok(session) => session,
        Err(error @ AmqpError::Busy(_)) => return Err(error.missed(expectation(&what, step.refused))),
        // A refused login proves nothing about the operation.
        Err(error) => return Err(AmqpError::Failed(error.text()).missed(expectation(&what, step.refused))),
    };
    let done = limited(&what, attempt(&session, step)).await;
    session.close().await;
    compare(done, &what, step.refused)
}

fn compare(done: Result<(), AmqpError>, what: &str, refused: bool) -> Result<StepPassed, StepFailed> {
    match (done, refused) {
        (Ok(()), false) => Ok(StepPassed::saw(format!("{what} is allowed"))),
        (Err(AmqpError::Refused(text)), true) => Ok(StepPassed::saw(text)),
        (Ok(()), true) => Err(StepFailed::new(expectation(what, true), "it was allowed")),
        (Err(error), _) => Err(error.missed(expectation(what, refused))),
    }
}

fn expectation(what: &str, refused: bool) -> String {
    format!("{what} is {}", if refused { "refused by the broker" } else { "allowed" })
}

fn describe(step: &AmqpTry) -> String {
    let AmqpTry { user, exchange, queue, key, .. } = step;
    match step.operation {
        AmqpOperation::Publish => format!("publishing by {user} to exchange {exchange} with key {key:?}"),
        AmqpOperation::Consume => format!("consuming by {user} from queue {queue}"),
        AmqpOperation::Bind => format!("binding by {user} of queue {queue} to exchange {exchange}"),
        AmqpOperation::DeclareQueue => format!("declaring by {user} of queue {queue}"),
        AmqpOperation::DeclareExchange => format!("declaring by {user} of exchange {exchange}"),
    }
}

async fn attempt(session: &Session, step: &AmqpTry) -> Result<(), AmqpError> {
    match step.operation {
        AmqpOperation::Publish => publish(session, step).await,
        AmqpOperation::Consume => consume(session, step).await,
        AmqpOperation::Bind => {
            let (queue, exchange, key) = (short(&step.queue)?, short(&step.exchange)?, short(&step.key)?);
            Ok(session
                .channel
                .queue_bind(queue, exchange, key, QueueBindOptions::default(), FieldTable::default())
                .await?)
        }
        AmqpOperation::DeclareQueue => declare_queue(session, step).await,
        AmqpOperation::DeclareExchange => declare_exchange(session, step).await,
    }
}

/// Publishes a message that expires at once, unless a consumer receives it immediately.
async fn publish(session: &Session, step: &AmqpTry) -> Result<(), AmqpError> {
    let channel = &session.channel;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let properties = BasicProperties::default().with_expiration(short("0")?);
    let confirm = channel
        .basic_publish(short(&step.exchange)?, short(&step.key)?, BasicPublishOptions::default(), b"", properties)
        .await?;
    // The broker refuses by closing the channel, which the confirmation reports.
    confirm.await?;
    Ok(())
}

/// Consumes with the lowest priority, at most one message, which is requeued when the session closes.
async fn consume(session: &Session, step: &AmqpTry) -> Result<(), AmqpError> {
    let channel = &session.channel;
    channel.basic_qos(1, BasicQosOptions::default()).await?;
    let mut arguments = FieldTable::default();
    arguments.insert(short("x-priority")?, AMQPValue::LongInt(-100));
    let consumer =
        channel.basic_consume(short(&step.queue)?, short("")?, BasicConsumeOptions::default(), arguments).await?;
    channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await?;
    Ok(())
}

/// Declares the queue as exclusive, so that a new one is deleted with the session.
async fn declare_queue(session: &Session, step: &AmqpTry) -> Result<(), AmqpError> {
    let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    differing(session.channel.queue_declare(short(&step.queue)?, options, FieldTable::default()).await.map(drop))
}

/// Declares the exchange, and deletes it if it is new.
async fn declare_exchange(session: &Session, step: &AmqpTry) -> Result<(), AmqpError> {
    let probe = session.connection.create_channel().await?;
    let was_there = queue::exchange(&probe, &step.exchange).await.is_ok();
    let (name, options) =
        (short(&step.exchange)?, ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() });
    differing(
        session.channel.exchange_declare(name.clone(), ExchangeKind::Topic, options, FieldTable::default()).await,
    )?;
    if !was_there {
        session.channel.exchange_delete(name, ExchangeDeleteOptions::default()).await?;
    }
    Ok(())
}

/// Accepts errors about other properties (405, 406): RabbitMQ checks permissions first.
fn differing(done: lapin::Result<()>) -> Result<(), AmqpError> {
    match done.map_err(AmqpError::from) {
        Err(AmqpError::Failed(text)) if text.starts_with("405 ") || text.starts_with("406 ") => Ok(()),
        other => other,
    }
}
