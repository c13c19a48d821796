//! The agent (`dayfly agent`), which runs inside an environment: probes, preparation of databases, built-in steps.
//!
//! It exchanges JSON lines on its standard streams and knows neither engines nor verdicts of suites.
//! It sends a secret only to the service of the secret.

pub mod client;
pub mod matching;
pub mod protocol;

mod absence;
mod addresses;
mod amqp;
mod amqp_access;
mod amqp_error;
mod amqp_session;
mod body;
mod collect;
mod collector;
mod connection;
mod http;
mod http_step;
mod io_error;
mod limits;
mod link;
mod message;
mod net;
mod pack;
mod prepare;
mod probe;
mod publish;
mod queue;
mod ready;
mod redis;
mod request;
mod s3;
mod seal;
mod serve;
mod sql;
mod state;
mod status;
mod step;
mod step_result;
mod timeouts;
mod tls;
mod topology;

pub use limits::limits;
pub use link::AgentLink;
pub use pack::pack;
#[cfg(any(test, feature = "testing"))]
pub use seal::sealed;
pub use serve::{AgentError, dial, protect, serve};
