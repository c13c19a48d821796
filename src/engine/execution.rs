//! What a command inside a unit did: how it ended, and its output, bounded. Pure.

/// Most bytes of each stream that are kept.
pub const MAX_OUTPUT: usize = 1 << 20;

/// A command that was run inside a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// How it ended.
    pub end: ExecutionEnd,
    /// Standard output.
    pub stdout: CommandOutput,
    /// Standard error.
    pub stderr: CommandOutput,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutionEnd {
    /// With this exit code; 128 and the number of a signal.
    Exited(i64),
    /// It was never started, for this reason.
    NotStarted(String),
    /// It ran longer than its limit, and may run on: engines cannot end a command.
    TimedOut,
}

impl Execution {
    /// A command that was never started.
    pub fn not_started(reason: impl Into<String>) -> Self {
        let (stdout, stderr) = Default::default();
        Self { end: ExecutionEnd::NotStarted(reason.into()), stdout, stderr }
    }
}

/// The beginning of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandOutput {
    /// At most [`MAX_OUTPUT`] bytes.
    pub bytes: Vec<u8>,
    /// There was more.
    pub cut: bool,
}

impl CommandOutput {
    /// Adds a piece; drops what exceeds the limit.
    pub fn push(&mut self, piece: &[u8]) {
        let room = MAX_OUTPUT - self.bytes.len();
        self.cut |= piece.len() > room;
        self.bytes.extend_from_slice(&piece[..piece.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_beginning_and_notes_that_there_was_more() {
        let mut output = CommandOutput::default();
        output.push(&vec![1; MAX_OUTPUT - 1]);
        output.push(&[2]);
        assert!(!output.cut);
        output.push(&[3]);
        output.push(&[4]);
        assert_eq!((output.bytes.len(), output.bytes.last(), output.cut), (MAX_OUTPUT, Some(&2), true));
    }
}
