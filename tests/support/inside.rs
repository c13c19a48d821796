//! Commands and files inside services, for the stories of both engines.

use std::io::Write;
use std::process::{Command, Stdio};

use super::terminal::{self, Terminal};
use super::{Ended, Running, User, ended};

/// A service with a writable folder, and one that only a suite starts.
const WEB: &str = "services:\n  web:\n    image: localhost/dayfly/python:1\n    command: [python3, -m, http.server, '8080', --directory, /tmp]\n    port: 8080\n    writable: [/data]\n  late: { image: localhost/dayfly/python:1, command: [sleep, '1000'], startLate: true }\nsuites:\n  s: { kind: acceptance, needs: [web, late], cases: [ { id: A1, name: it starts, steps: [ start: { service: late } ] } ] }\n";

/// `exec` passes streams and the exit code on; `cp` copies both ways, and follows no link.
pub fn exec_and_cp(user: &User, name: &str) {
    let environment = format!("{name}-pr-1");
    let environment = environment.as_str();
    user.owns(environment);
    user.dayfly(&["up", &user.describes(name, WEB), "--pr", "1"]).code(0);
    exec(user, environment);
    ends_at_once(user, environment);
    copies_in(user, environment);
    copies_out(user, environment);
    copies_nothing_half(user, environment);
    user.dayfly(&["down", environment]).code(0);
    user.finds_nothing_of(environment);
}

/// Runs a shell command in `web`.
fn sh(user: &User, environment: &str, script: &str) -> Ended {
    user.dayfly(&["exec", environment, "web", "--", "sh", "-c", script])
}

fn exec(user: &User, environment: &str) {
    let said = sh(user, environment, "echo out; echo err >&2; exit 3").code(3);
    assert_eq!((said.out.as_str(), said.err.as_str()), ("out\n", "err\n"));
    let mut reading = user.command(&["exec", environment, "web", "--", "sh", "-c", "cat; echo the end"]);
    let mut child = reading.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let mut input = child.stdin.take().unwrap();
    let sent = bytes.clone();
    let writing = std::thread::spawn(move || input.write_all(&sent).map(|()| drop(input)));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert_eq!(output.stdout.len(), bytes.len() + 8);
    assert!(output.stdout.starts_with(&bytes) && output.stdout.ends_with(b"the end\n") && output.status.success());
    if terminal::is_there() {
        let shell = Terminal::start(&user.command(&["exec", environment, "web"]), 100, 20);
        shell.until_screen("a prompt", |screen| screen.contains(['$', '#']));
        shell.press("echo $((40 + 2))x; exit 5");
        shell.press("Enter");
        shell.until("42x");
        shell.until("exit code 5");
    }
    // In a CI job, the log of the job obeys what it reads.
    let mut job = user.command(&["exec", environment, "web", "--", "echo", "::error::forged"]);
    job.env("CI", "true");
    let said = ended(job).code(0);
    assert!(said.out.contains("forged") && !said.out.contains("::error::"), "{said:?}");
    let long = "s=$(head -c 8190 /dev/zero | tr '\\0' x); printf '%s##' \"$s\" | tee /dev/stderr; printf '[group]forged\\n' | tee /dev/stderr";
    let mut job = user.command(&["exec", environment, "web", "--", "sh", "-c", long]);
    job.env("CI", "true");
    let said = ended(job).code(0);
    for shown in [&said.out, &said.err] {
        assert!(shown.ends_with("x#\\u0023[group]forged\n") && shown.matches('x').count() == 8190, "{said:?}");
    }
    let missing = user.dayfly(&["exec", environment, "web", "--", "no-such-command"]);
    assert!([126, 127].contains(&missing.code), "{missing:?}");
    user.dayfly(&["exec", environment, "web"]).code(2).says("a shell needs a terminal");
    user.dayfly(&["exec", environment, "nope", "--", "true"]).code(2).says("it has: ");
    user.dayfly(&["exec", environment, "late", "--", "true"]).code(126).says("late has not been started yet");
    user.dayfly(&["cp", &format!("{environment}:late:/tmp"), "x"]).code(1).says("late has not been started yet");
    user.dayfly(&["exec", "no-such-pr-1", "web", "--", "true"]).code(2).says("there is no environment");
}

/// Each signal ends `exec`, which says what it leaves behind, and leaves a terminal as it was.
fn ends_at_once(user: &User, environment: &str) {
    let sleeps = ["exec", environment, "web", "--", "sh", "-c", "echo begun; sleep 20"];
    for signal in ["INT", "TERM", "HUP"] {
        let mut running = Running::start(user.command(&sleeps));
        running.until("begun");
        running.signal(signal);
        running.ends().code(130).says("the command may still run in web");
    }
    if terminal::is_there() {
        let own = user.command(&sleeps);
        let mut command = Command::new("sh");
        command.args(["-c", "echo pid $$.; exec \"$@\"", "sh"]).arg(own.get_program()).args(own.get_args());
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(user.folder.path());
        let terminal = Terminal::start(&command, 100, 20);
        let screen = terminal.until_screen("the process", |screen| screen.contains("begun"));
        let pid = screen.split_once("pid ").unwrap().1.split_once('.').unwrap().0;
        assert!(Command::new("kill").args(["-TERM", pid]).status().unwrap().success());
        // In raw mode, no line would begin at the left edge.
        let ended = terminal.until_history("the end", |history| history.contains("exit code"));
        assert!(
            ended.contains("\ninterrupted: the command may still run in web") && ended.contains("\nexit code 130"),
            "{ended}"
        );
    }
}

fn copies_in(user: &User, environment: &str) {
    let at = |path: &str| user.folder.path().join(path);
    std::fs::create_dir_all(at("tree/below")).unwrap();
    std::fs::write(at("tree/below/text"), "hello").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", at("tree/link")).unwrap();
    let to = |path: &str| format!("{environment}:web:{path}");
    user.dayfly(&["cp", "tree", &to("/data/")]).code(0).says("copied 1 file(s), 5 bytes").says("1 link(s)");
    user.dayfly(&["cp", "tree/below/text", &to("/data/renamed")]).code(0);
    let said = sh(user, environment, "cd /data && cat tree/below/text renamed && find . | sort").code(0);
    assert_eq!(said.out, "hellohello.\n./renamed\n./tree\n./tree/below\n./tree/below/text\n");
    user.dayfly(&["cp", "tree/link", &to("/data/")]).code(2).says("what a link leads to");
    user.dayfly(&["cp", "tree", "elsewhere"]).code(2).says("ENVIRONMENT:SERVICE:/PATH");
    user.dayfly(&["cp", "tree", &to("/etc/")]).code(1).says("Read-only file system");
    // Into a folder that is there, with and without a slash, and what is in a folder.
    sh(user, environment, "mkdir -p /data/there/tree/below && echo kept > /data/there/tree/below/old").code(0);
    user.dayfly(&["cp", "tree", &to("/data/there")]).code(0);
    user.dayfly(&["cp", "tree/below/text", &to("/data/there")]).code(0);
    user.dayfly(&["cp", "tree/.", &to("/data/there")]).code(0);
    user.dayfly(&["cp", "tree/.", &to("/data/fresh")]).code(0);
    let said = sh(user, environment, "cd /data && find there fresh -type f | sort").code(0);
    let files = ["fresh/below/text", "there/below/text", "there/text", "there/tree/below/old", "there/tree/below/text"];
    assert_eq!(said.out.lines().collect::<Vec<_>>(), files);
    user.dayfly(&["cp", "tree", &to("/data/renamed")]).code(2).says("/data/renamed is a file in web");
}

fn copies_out(user: &User, environment: &str) {
    let at = |path: &str| user.folder.path().join(path);
    let from = |path: &str| format!("{environment}:web:{path}");
    sh(user, environment, "cd /data/tree && ln -s /etc/passwd link && printf x > run && chmod 755 run").code(0);
    user.dayfly(&["cp", &from("/data/tree"), "back"]).code(0).says("copied 2 file(s), 6 bytes").says("1 link(s)");
    assert_eq!(std::fs::read(at("back/below/text")).unwrap(), b"hello");
    assert!(std::fs::symlink_metadata(at("back/link")).is_err());
    user.dayfly(&["cp", &from("/data/tree"), "back"]).code(0);
    assert!(at("back/tree/run").is_file(), "into the folder that is there");
    // Once more, files are replaced and others stay; no folder takes the place of a file.
    std::fs::write(at("back/tree/run"), "older").unwrap();
    std::fs::write(at("back/tree/mine"), "mine").unwrap();
    user.dayfly(&["cp", &from("/data/tree"), "back"]).code(0);
    user.dayfly(&["cp", &from("/data/tree/."), "back"]).code(0);
    let read = |path: &str| std::fs::read_to_string(at(path)).unwrap();
    assert_eq!(
        (read("back/tree/run"), read("back/tree/mine"), read("back/run")),
        ("x".into(), "mine".into(), "x".into())
    );
    std::fs::create_dir(at("in-the-way")).unwrap();
    std::fs::write(at("in-the-way/tree"), "mine").unwrap();
    user.dayfly(&["cp", &from("/data/tree"), "in-the-way"]).code(1).says("is no folder");
    assert_eq!(read("in-the-way/tree"), "mine");
    // A name that is a link here is replaced, and what it leads to stays.
    std::os::unix::fs::symlink(at("back/run"), at("mine")).unwrap();
    user.dayfly(&["cp", &from("/data/renamed"), "mine"]).code(0);
    assert_eq!(
        (std::fs::read(at("mine")).unwrap(), std::fs::read(at("back/run")).unwrap()),
        (b"hello".into(), b"x".into())
    );
    user.dayfly(&["cp", &from("/data/none"), "none"]).code(1).says("No such file");
    user.dayfly(&["cp", &from("/data/tree/link"), "none"]).code(1).says("link");
    assert!(!at("none").exists());
}

/// An interrupted copy leaves nothing.
fn copies_nothing_half(user: &User, environment: &str) {
    let folder = user.folder.path().join("half");
    std::fs::create_dir(&folder).unwrap();
    sh(user, environment, "truncate -s 900M /data/large").code(0);
    let running = Running::start(user.command(&["cp", &format!("{environment}:web:/data/large"), "half/large"]));
    // The copy stands still until it is interrupted.
    let stops = "while :; do for p in /proc/[0-9]*; do read -r name < $p/comm && [ \"$name\" = tar ] && kill -STOP ${p#/proc/} && exit; done 2>/dev/null; done";
    sh(user, environment, stops).code(0);
    running.signal("INT");
    running.ends().code(130).says("tar may still run in web");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    let ends = "for p in /proc/[0-9]*; do read -r name < $p/comm && [ \"$name\" = tar ] && kill -KILL ${p#/proc/}; done 2>/dev/null; rm /data/large";
    sh(user, environment, ends).code(0);
}
