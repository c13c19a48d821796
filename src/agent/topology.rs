//! The broker's readiness: every user logs in where it may, and everything declared answers.

use futures::future::try_join_all;

use super::amqp::{self, AmqpError, Session};
use super::queue;
use super::ready::NotYet;
use super::world::AgentState;
use crate::plan::BrokerPlan;
use crate::spec::model::{BrokerUser, Vhost};

/// One attempt. A port that is open, or a broker that still imports its definitions, is not ready.
pub(super) async fn ready(world: &AgentState) -> Result<(), NotYet> {
    let Some(broker) = &world.hello.broker else { return Err(NotYet::never("this environment has no broker")) };
    let logins = logins(broker);
    // The first login goes alone, so that a broker that is not up yet is asked only once.
    let Some(((user, vhost), others)) = logins.split_first() else { return Ok(()) };
    login(world, user, vhost).await?;
    let others: Vec<_> = others.iter().map(|(user, vhost)| login(world, user, vhost)).collect();
    try_join_all(others).await?;
    for (name, vhost) in &broker.vhosts {
        if let Some((user, _)) = logins.iter().find(|(_, at)| at == name) {
            holds(world, user, name, vhost).await?;
        }
    }
    Ok(())
}

/// Every user with every virtual host that it has permissions on.
fn logins(broker: &BrokerPlan) -> Vec<(&str, &str)> {
    let each = |(user, declared)| -> Vec<(&str, &str)> {
        let (user, declared): (&String, &BrokerUser) = (user, declared);
        declared.permissions.keys().map(|vhost| (user.as_str(), vhost.as_str())).collect()
    };
    broker.users.iter().flat_map(each).collect()
}

async fn login(world: &AgentState, user: &str, vhost: &str) -> Result<(), NotYet> {
    let why = |error: AmqpError| not_yet(format!("login of {user} to virtual host {vhost}"), error);
    let connection = amqp::connect(world, user, vhost, None).await.map_err(why)?;
    // Logged in is enough; how the goodbye goes says nothing.
    connection.close(200, amqp::short("done").unwrap_or_default()).await.ok();
    Ok(())
}

async fn holds(world: &AgentState, user: &str, name: &str, vhost: &Vhost) -> Result<(), NotYet> {
    let session =
        Session::open(world, user, name).await.map_err(|e| not_yet(format!("a channel in virtual host {name}"), e))?;
    for exchange in vhost.exchanges.keys() {
        queue::exchange(&session.channel, exchange)
            .await
            .map_err(|e| not_yet(format!("exchange {exchange} in virtual host {name}"), e))?;
    }
    for queue in vhost.queues.keys() {
        queue::numbers(&session.channel, queue)
            .await
            .map_err(|e| not_yet(format!("queue {queue} in virtual host {name}"), e))?;
    }
    session.close().await;
    Ok(())
}

/// The readiness of a queue's consumers, asked as `user`.
pub(super) async fn consumers(world: &AgentState, vhost: &str, name: &str, user: &str) -> Result<(), NotYet> {
    let what = || format!("queue {name} in virtual host {vhost}");
    match queue::ask(world, user, vhost, name).await {
        Ok(numbers) if numbers.consumers > 0 => Ok(()),
        Ok(_) => Err(NotYet::again(format!("{}: no consumer", what()))),
        Err(error) => Err(not_yet(what(), error)),
    }
}

fn not_yet(what: String, error: AmqpError) -> NotYet {
    let final_word = matches!(error, AmqpError::Ours(_));
    NotYet { got: format!("{what}: {}", error.text()), final_word }
}
