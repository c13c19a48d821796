//! Checks steps that run a command inside a unit.

use super::capture::captures;
use super::context::Checker;
use crate::spec::model::{Exec, Step};
use crate::spec::span::FieldPath;

/// Most bytes of a command with its arguments.
const MAX_COMMAND: usize = 64 * 1024;

pub(super) fn check(check: &mut Checker<'_>, at: &FieldPath, step: &Step, exec: &Exec) {
    if step.from.is_some() {
        let message = "`from` has no effect on a command: it runs inside the `service`";
        check.diagnostics.add_key(&at.key("from"), message, "remove it");
    }
    let at = at.key("exec");
    check.unit(&at.key("service"), &exec.service);
    check.duration(&at.key("timeout"), &exec.timeout);
    command(check, &at.key("command"), &exec.command);
    captures(check, &at.key("capture"), &exec.capture, &["stdout", "stderr", "exitCode"], false);
}

/// The program and its arguments.
pub(super) fn command(check: &mut Checker<'_>, at: &FieldPath, words: &[String]) {
    match words.first() {
        Some(program) if !program.is_empty() => {}
        Some(_) => check.diagnostics.add(&at.index(0), "the name of the program is empty", "write one"),
        None => check.diagnostics.add(at, "the command is empty", "write a program and its arguments"),
    }
    if words.iter().map(String::len).sum::<usize>() > MAX_COMMAND {
        let help = "bake long scripts into the image, or deliver them with `files`";
        check.diagnostics.add(at, format!("the command is longer than {MAX_COMMAND} bytes"), help);
    }
    for (i, argument) in words.iter().enumerate() {
        let at = at.index(i);
        if argument.contains("{{secret") {
            let message = "a secret in a command line is not secret: other processes and logs of the cluster show it";
            check.diagnostics.add(&at, message, "let the command read it from `/run/secrets`");
        } else if argument.contains('\0') {
            check.diagnostics.add(&at, "an argument holds a zero byte", "remove it");
        }
    }
}
