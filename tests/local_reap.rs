//! The reaper on a real container engine, through the command.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};

use support::forge::{Server, pulls};
use support::{Running, User, reaping};

#[test]
fn removes_and_records_for_each_reason() {
    needs_engine!();
    reaping::removes_and_records_for_each_reason(&User::new(), "reaper-why");
}

#[test]
fn closes_nothing_without_a_reliable_list() {
    needs_engine!();
    reaping::closes_nothing_without_a_reliable_list(&User::new(), "reaper-sure");
}

#[test]
fn keeps_extended_and_held_environments() {
    needs_engine!();
    reaping::keeps_extended_and_held_environments(&User::new(), "reaper-stay");
}

#[test]
fn removes_nothing_if_the_forge_does_not_answer() {
    needs_engine!();
    let user = User::with(vec![("DAYFLY_FORGE_TOKEN".into(), "s3cret".into())]);
    let refused = Server::start(|_, _| (401, vec![], "{\"message\": \"Bad credentials\"}".into()));
    let forge = Server::start(|own, path| match path.rsplit_once("page=").unwrap().1 {
        "1" => (200, vec![("link", format!("<{own}/x?page=2>; rel=\"next\""))], pulls(&[4, 3])),
        _ => (200, vec![], pulls(&[2])),
    });
    // Environments are of the forge that the job named, which has the port of this one.
    let repository = format!("{}/o/n", forge.url);
    let of_it: &[&str] = &["--repository", &repository];
    user.has_up("reaper-forge", &[("1", of_it), ("2", of_it)]);
    let flags = |url: &'static str| ["--forge", "github", "--repository", "o/n", "--forge-url", url];
    let said = user.reaps("reaper-forge", &flags(refused.url.clone().leak())).code(7);
    assert!(!said.err.contains("s3cret"), "{}", said.err);
    said.says("the token was refused").says("401, Bad credentials").says("nothing is due");
    let told = user.reaps("reaper-forge", &flags(forge.url.clone().leak())).code(0);
    told.says("removed reaper-forge-pr-1: pull request 1 is not open");
    user.dayfly(&["status", "reaper-forge-pr-2"]).code(0).says("running");
    assert!(forge.asked.lock().unwrap().iter().all(|a| a.ends_with("Bearer s3cret")));
}

/// The engine's socket, over which everything passes but requests that remove; says when the first of them comes.
fn nothing_is_removed(at: &std::path::Path) -> std::sync::mpsc::Receiver<()> {
    let engine = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///run/podman/podman.sock".into());
    let engine = engine.trim_start_matches("unix://").to_owned();
    let listener = UnixListener::bind(at).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = UnixStream::connect(&engine).unwrap();
            let (mut back, mut into) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut back, &mut into));
            let tell = tell.clone();
            std::thread::spawn(move || forward(client, server, &tell));
        }
    });
    told
}

fn forward(mut from: UnixStream, mut to: UnixStream, tell: &std::sync::mpsc::Sender<()>) {
    let mut bytes = [0; 65536];
    while let Ok(n @ 1..) = from.read(&mut bytes) {
        if bytes.starts_with(b"DELETE ") {
            let _ = tell.send(());
            // It is never answered; the connection ends with whoever asked.
            let _ = from.read(&mut bytes);
            return;
        }
        if to.write_all(&bytes[..n]).is_err() {
            return;
        }
    }
}

#[test]
fn a_reaper_killed_before_the_removal_leaves_a_record_in_state_begun() {
    needs_engine!();
    let user = User::new();
    user.has_up("reaper-dies", &[("1", &["--ttl", "1s"])]);
    let socket = user.folder.path().join("engine.sock");
    let asked_to_remove = nothing_is_removed(&socket);
    let flags = ["reap", "--expired", "--description", "reaper-dies", "--key", "key.pem", "--evidence", "evidence"];
    let mut command = user.command(&flags);
    command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    let reaper = Running::start(command);
    asked_to_remove.recv().unwrap();
    reaper.signal("KILL");
    reaper.ends().code(-9);
    let records = user.records("reaper-dies-pr-1");
    assert_eq!(records.len(), 1);
    user.verifies(&records[0]).code(0).says("BEGUN").says("never: the remover died");
    user.dayfly(&["status", "reaper-dies-pr-1"]).code(0).says("running");
    // The next one does it.
    user.reaps("reaper-dies", &["--expired"]).code(0).says("removed reaper-dies-pr-1");
    assert_eq!(user.records("reaper-dies-pr-1").len(), 2);
}
