//! `dayfly schema`: the JSON Schema of descriptions, policies, registers, waivers, the gate and lists of keys, for editors.

use clap::{Args, ValueEnum};

use crate::report::exit_code;

/// Kinds of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// Descriptions of environments
    Environment,
    /// Policies of operators
    Policy,
    /// Registers of dependencies
    Dependencies,
    /// Waivers of findings in dependencies
    Waivers,
    /// Policies of the gate
    GatePolicy,
    /// Overrides of decisions of the gate
    GateOverrides,
    /// Lists of trusted keys
    Keys,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Kind of the documents
    #[arg(long, value_enum, value_name = "KIND", default_value = "environment")]
    kind: SchemaKind,
}

/// Prints the schema; returns the exit code.
pub fn run(args: &SchemaArgs) -> u8 {
    let schema = match args.kind {
        SchemaKind::Environment => crate::spec::schema::with_inclusions(),
        SchemaKind::Policy => crate::policy::schema::schema(),
        SchemaKind::Waivers => crate::advisories::scan::waivers::schema(),
        SchemaKind::GatePolicy => crate::gate::policy::schema(),
        SchemaKind::GateOverrides => crate::gate::overrides::schema(),
        SchemaKind::Keys => crate::evidence::trusted_keys::schema(),
        SchemaKind::Dependencies => crate::dependencies::register::schema(),
    };
    outln!("{schema:#}");
    exit_code::PASSED
}
