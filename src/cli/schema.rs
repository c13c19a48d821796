//! `dayfly schema`: the JSON Schema of descriptions and policies, for editors.

use clap::ValueEnum;

use crate::report::exit_code;

/// Kinds of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// Descriptions of environments
    Environment,
    /// Policies of operators
    Policy,
}

/// Prints the schema; returns the exit code.
pub fn run(kind: SchemaKind) -> u8 {
    let schema = match kind {
        SchemaKind::Environment => crate::spec::schema::with_inclusions(),
        SchemaKind::Policy => crate::policy::schema::schema(),
    };
    outln!("{schema:#}");
    exit_code::PASSED
}
