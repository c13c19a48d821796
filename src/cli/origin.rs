//! Where the value of a setting comes from. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag or an argument.
    Flag,
    /// An environment variable.
    Variable(&'static str),
    /// A `dayfly.toml`, with the line.
    File(PathBuf, usize),
    /// The CI job.
    Job,
    /// The repository around the description.
    Git,
    /// A default.
    Default(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Job => f.write_str("CI job"),
            Self::Git => f.write_str("git"),
            Self::Default(why) => write!(f, "default ({why})"),
        }
    }
}

/// Where the command line has the values of its arguments from, by the name of their flag.
pub type Sources = BTreeMap<String, ValueSource>;

/// Reads the sources of a parsed command line.
pub fn sources(matches: &ArgMatches) -> Sources {
    let own = matches.ids().filter_map(|id| Some((id.as_str().replace('_', "-"), matches.value_source(id.as_str())?)));
    let inner = matches.subcommand().map(|(_, inner)| sources(inner)).unwrap_or_default();
    own.chain(inner).collect()
}

/// Where the values that were given or filled in come from, by the name of their key.
pub type Origins = BTreeMap<&'static str, Origin>;
