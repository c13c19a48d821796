//! The command line with its help: a subcommand's own options first, the global ones in one line, examples and exit codes last.

use clap::Command;

mod notes;

/// Stands in the help of every subcommand for the options that all have.
const GLOBAL: &str = "Global options: --output, --engine, --context, --registry-mirror, --verbose, --agent-image, --pull-secret, \
                      --manifests; `dayfly --help` explains them";

/// A command line with the help of all its subcommands.
pub fn explain(mut command: Command) -> Command {
    // Global options reach the subcommands here, where they can be hidden.
    command.build();
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    let top = format!("{}\n\n{}", notes::TOP_EXAMPLES, notes::EXIT_CODES);
    names.iter().fold(command, |command, name| command.mut_subcommand(name, |c| explained(c, name))).after_help(top)
}

/// A subcommand, named by its whole path, and those below it.
fn explained(command: Command, path: &str) -> Command {
    let below: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    let hidden = command.mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg });
    let command = below
        .iter()
        .filter(|name| *name != "help")
        .fold(hidden, |command, name| command.mut_subcommand(name, |c| explained(c, &format!("{path} {name}"))));
    let notes = notes::of(path).map(|n| format!("{n}\n\n")).unwrap_or_default();
    command.after_help(format!("{notes}{GLOBAL}"))
}
