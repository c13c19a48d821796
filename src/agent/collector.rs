//! Collects the messages of one consumer in the background.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use lapin::options::BasicConsumeOptions;
use lapin::types::FieldTable;
use lapin::{Acker, Consumer};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::absence::Route;
use super::amqp_error::AmqpError;
use super::amqp_session::{Session, limited, short};
use super::message::Message;

/// Collects deliveries of one consumer until it is dropped.
pub(super) struct Collector {
    pub session: Option<Session>,
    /// Of a `listen`: what its queue is bound to.
    pub route: Option<Route>,
    shared: Arc<Shared>,
    reader: AbortHandle,
}

#[derive(Default)]
struct Shared {
    buffer: Mutex<Buffer>,
    changed: Notify,
}

/// The messages so far, and the reason why no more will arrive.
#[derive(Default)]
pub(super) struct Buffer {
    pub messages: Vec<Collected>,
    pub ended: Option<String>,
}

/// A message, and whether an `expect` took it.
pub(super) struct Collected {
    pub message: Message,
    pub acker: Acker,
    pub taken: bool,
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Shared {
    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(self: Arc<Self>, mut deliveries: Consumer) {
        let end = loop {
            match deliveries.next().await {
                Some(Ok(delivery)) => {
                    let message = Message::from(&delivery);
                    self.buffer().messages.push(Collected { message, acker: delivery.acker, taken: false });
                    self.changed.notify_waiters();
                }
                Some(Err(error)) => break AmqpError::from(error).text(),
                None => break "the broker cancelled the consumer".to_owned(),
            }
        };
        self.buffer().ended = Some(end);
        self.changed.notify_waiters();
    }
}

impl Collector {
    /// Returns the messages so far.
    pub fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.shared.buffer()
    }

    /// Starts to consume a queue.
    pub async fn consume(session: Session, queue: &str, no_ack: bool) -> Result<Self, AmqpError> {
        let options = BasicConsumeOptions { no_ack, ..BasicConsumeOptions::default() };
        let deliveries = limited(
            "consume",
            session.channel.basic_consume(short(queue)?, short("")?, options, FieldTable::default()),
        )
        .await?;
        let shared = Arc::new(Shared::default());
        let reader = tokio::spawn(shared.clone().read(deliveries)).abort_handle();
        Ok(Self { session: Some(session), route: None, shared, reader })
    }

    /// Calls `look` now and after every new message, until it returns a value or the time limit is reached.
    pub async fn watch<T>(&self, until: Instant, mut look: impl FnMut(&mut Buffer, bool) -> Option<T>) -> Option<T> {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that no message in between is missed.
            changed.as_mut().enable();
            let over = Instant::now() >= until;
            if let Some(found) = look(&mut self.shared.buffer(), over) {
                return Some(found);
            }
            if over {
                return None;
            }
            timeout_at(until, changed).await.ok();
        }
    }
}
