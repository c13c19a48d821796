//! What a subcommand takes from the settings. Data only.

use std::path::{Path, PathBuf};

/// A value that a subcommand takes.
pub enum Slot<'a> {
    /// Text.
    Text(&'a mut Option<String>),
    /// A path.
    Path(&'a mut Option<PathBuf>),
}

/// How a subcommand names its description.
#[derive(Default)]
pub enum Place<'a> {
    /// It needs one; an empty path stands for the nearest.
    Needed(&'a mut PathBuf),
    /// It may name one.
    Named(&'a Path),
    /// It names none: the nearest counts, if there is one.
    #[default]
    Nearest,
}

/// What a subcommand takes from the settings, beside engine, context and registry mirror.
#[derive(Default)]
pub struct Wanted<'a> {
    /// Its description.
    pub place: Place<'a>,
    /// Values by the name of their key.
    pub slots: Vec<(&'static str, Slot<'a>)>,
    /// It starts something, and says which settings it took from the file.
    pub starts: bool,
}
