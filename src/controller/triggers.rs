//! What causes reconciles: a change of the object, of its runner, of its environment, of the queue or of the policy. Beyond
//! these, an object is reconciled only at a time that its last reconcile chose.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc;

use crate::crd::TestEnvironmentSummary;

/// A reference to an object.
pub type Reference = ObjectRef<TestEnvironmentSummary>;

/// The cause of a reconcile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The object changed.
    Object,
    /// Its runner's pod changed.
    Runner,
    /// Its environment changed.
    Environment,
    /// A place or a name became free.
    Queue,
    /// The operator's policy changed.
    Policy,
    /// The last reconcile failed.
    Retry,
    /// The last reconcile chose this time.
    Time,
}

impl Trigger {
    /// The label of the count.
    pub fn word(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Runner => "runner",
            Self::Environment => "environment",
            Self::Queue => "queue",
            Self::Policy => "policy",
            Self::Retry => "retry",
            Self::Time => "time",
        }
    }
}

/// Requests for reconciles, and their causes until they are made.
pub struct Triggers {
    requests: mpsc::UnboundedSender<Reference>,
    causes: Mutex<HashMap<Reference, Trigger>>,
}

impl Triggers {
    /// The requests, and their receiver.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Reference>) {
        let (requests, received) = mpsc::unbounded_channel();
        (Self { requests, causes: Mutex::default() }, received)
    }

    /// Requests a reconcile. Requests for the same object that are not yet served become one.
    pub fn request(&self, object: Reference, trigger: Trigger) {
        self.set_cause(object.clone(), trigger);
        // Without a receiver the controller is ending.
        self.requests.send(object).ok();
    }

    /// Sets the cause of a reconcile that is scheduled already.
    pub fn set_cause(&self, object: Reference, trigger: Trigger) {
        self.causes().insert(object, trigger);
    }

    /// Forgets the causes of objects that are gone: nothing reconciles them any more.
    pub fn forget(&self, is_gone: impl Fn(&Reference) -> bool) {
        self.causes().retain(|object, _| !is_gone(object));
    }

    fn causes(&self) -> MutexGuard<'_, HashMap<Reference, Trigger>> {
        self.causes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cause of the reconcile that begins now.
    pub fn take_cause(&self, object: &Reference) -> Trigger {
        self.causes().remove(object).unwrap_or(Trigger::Time)
    }
}
