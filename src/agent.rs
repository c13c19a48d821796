//! What runs inside an environment: probes, preparation of databases, built-in steps. Same binary (`dayfly agent`).
//!
//! It speaks JSON lines on its standard streams and knows neither engines nor verdicts of suites.

pub mod client;
pub mod protocol;
