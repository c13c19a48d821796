//! `dayfly completions`: prints a shell's completion script, generated from the definitions that parse the command line.

use super::stdio;
use crate::report::exit_code;

/// Prints the script.
pub fn run(mut command: clap::Command, shell: clap_complete::Shell) -> u8 {
    let mut script = vec![];
    clap_complete::generate(shell, &mut command, "dayfly", &mut script);
    stdio::out(&String::from_utf8_lossy(&script));
    exit_code::PASSED
}
