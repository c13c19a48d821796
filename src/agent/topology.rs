//! Checks the broker's readiness: every user can log in, and all declared exchanges and queues exist.

use futures::future::try_join_all;

use super::amqp_error::AmqpError;
use super::amqp_session::{Session, short};
use super::probe::NotReady;
use super::state::AgentState;
use super::{amqp, queue};
use crate::plan::BrokerPlan;
use crate::spec::model::{BrokerUser, Vhost};

/// Makes one attempt. An open port, or a broker that still imports its definitions, is not enough.
pub(super) async fn ready(state: &AgentState) -> Result<(), NotReady> {
    let Some(broker) = &state.context.broker else { return Err(NotReady::permanent("this environment has no broker")) };
    let logins = logins(broker);
    // The first login runs alone, so that a broker that is not up yet gets only one.
    let Some(((user, vhost), others)) = logins.split_first() else { return Ok(()) };
    login(state, user, vhost).await?;
    let others: Vec<_> = others.iter().map(|(user, vhost)| login(state, user, vhost)).collect();
    try_join_all(others).await?;
    for (name, vhost) in &broker.vhosts {
        if let Some((user, _)) = logins.iter().find(|(_, at)| at == name) {
            check_topology(state, user, name, vhost).await?;
        }
    }
    Ok(())
}

/// Returns every user with every virtual host that it may use.
fn logins(broker: &BrokerPlan) -> Vec<(&str, &str)> {
    let each = |(user, declared)| -> Vec<(&str, &str)> {
        let (user, declared): (&String, &BrokerUser) = (user, declared);
        declared.permissions.keys().map(|vhost| (user.as_str(), vhost.as_str())).collect()
    };
    broker.users.iter().flat_map(each).collect()
}

async fn login(state: &AgentState, user: &str, vhost: &str) -> Result<(), NotReady> {
    let why = |error: AmqpError| not_ready(format!("login of {user} to virtual host {vhost}"), error);
    let connection = amqp::connect(state, user, vhost, None).await.map_err(why)?;
    // The login is enough; the result of closing does not matter.
    connection.close(200, short("done").unwrap_or_default()).await.ok();
    Ok(())
}

async fn check_topology(state: &AgentState, user: &str, name: &str, vhost: &Vhost) -> Result<(), NotReady> {
    let session = Session::open(state, user, name)
        .await
        .map_err(|e| not_ready(format!("a channel in virtual host {name}"), e))?;
    for exchange in vhost.exchanges.keys() {
        queue::exchange(&session.channel, exchange)
            .await
            .map_err(|e| not_ready(format!("exchange {exchange} in virtual host {name}"), e))?;
    }
    for queue in vhost.queues.keys() {
        queue::numbers(&session.channel, queue)
            .await
            .map_err(|e| not_ready(format!("queue {queue} in virtual host {name}"), e))?;
    }
    session.close().await;
    Ok(())
}

/// Checks that a queue has a consumer, as `user`.
pub(super) async fn consumers(state: &AgentState, vhost: &str, name: &str, user: &str) -> Result<(), NotReady> {
    let what = || format!("queue {name} in virtual host {vhost}");
    match queue::ask(state, user, vhost, name).await {
        Ok(numbers) if numbers.consumers > 0 => Ok(()),
        Ok(_) => Err(NotReady::temporary(format!("{}: no consumer", what()))),
        Err(error) => Err(not_ready(what(), error)),
    }
}

fn not_ready(what: String, error: AmqpError) -> NotReady {
    let permanent = matches!(error, AmqpError::AgentFault(_));
    NotReady { got: format!("{what}: {}", error.text()), permanent }
}
