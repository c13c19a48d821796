//! Places in an environment's network.

/// Where an agent stands in the network.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Position {
    /// May reach every unit: readiness and database preparation.
    Control,
    /// Where the suite of this name stands.
    Suite(String),
    /// Inside the network and process namespaces of the first copy of this unit, as its user.
    Inside(String),
    /// In a network of its own beside the environment: the neighbour of isolation checks.
    Neighbour,
}
