//! The `publish` step. Messages are persistent and confirmed, and returned if no queue accepts them.

use jiff::Timestamp;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Confirmation};

use super::absence::Route;
use super::amqp_error::AmqpError;
use super::amqp_session::{Session, limited, short};
use super::state::AgentState;
use super::step_result::{StepFailed, StepPassed};
use crate::spec::model::Publish;

const PERSISTENT: u8 = 2;

/// Publishes `times` copies of a message and waits until the broker confirms each.
pub(super) async fn perform(state: &AgentState, step: &Publish) -> Result<StepPassed, StepFailed> {
    let expected = format!("{} is confirmed by the broker", target(step));
    let id = step.message_id.clone().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let session = Session::open(state, &step.user, &step.vhost).await.map_err(|e| e.missed(&expected))?;
    let sent = limited("publish", send(&session, step, &id)).await;
    session.close().await;
    match sent.map_err(|e| e.missed(&expected))? {
        None => {
            let (vhost, exchange, key) = (step.vhost.clone(), step.exchange.clone(), step.key.clone());
            state.published().add(Route { vhost, exchange, key });
            Ok(StepPassed::saw(format!("{} confirmed, message_id {id}", target(step))))
        }
        Some(got) => Err(StepFailed::new(expected, got)),
    }
}

fn target(step: &Publish) -> String {
    let to = if step.exchange.is_empty() {
        "the default exchange".to_owned()
    } else {
        format!("exchange {}", step.exchange)
    };
    format!("a message to {to} with key {:?}", step.key)
}

/// Publishes the messages; returns the problem if the broker returned or rejected one.
async fn send(session: &Session, step: &Publish, id: &str) -> Result<Option<String>, AmqpError> {
    session.channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let body = match (&step.json, &step.body) {
        (Some(json), _) => json.to_string(),
        (None, text) => text.clone().unwrap_or_default(),
    };
    let properties = BasicProperties::default()
        .with_content_type(short("application/json")?)
        .with_delivery_mode(PERSISTENT)
        .with_message_id(short(id)?)
        .with_timestamp(Timestamp::now().as_second().unsigned_abs());
    let options = BasicPublishOptions { mandatory: !step.unrouted, ..BasicPublishOptions::default() };
    for _ in 0..step.times {
        let confirm = session
            .channel
            .basic_publish(short(&step.exchange)?, short(&step.key)?, options, body.as_bytes(), properties.clone())
            .await?;
        match confirm.await? {
            Confirmation::Ack(None) => {}
            Confirmation::Ack(Some(_)) => return Ok(Some("it was returned: no queue accepts it".into())),
            Confirmation::Nack(_) => return Ok(Some("the broker did not accept it (nack)".into())),
            Confirmation::NotRequested => {
                return Err(AmqpError::AgentFault("publisher confirms are off".into()));
            }
        }
    }
    Ok(None)
}
