//! What is due for removal. `expired` is pure; the verb `reap` removes.

pub mod expired;
