//! The janitor on a real container engine, through the command.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};

use support::{Running, User, reaping};

#[test]
fn each_reason_removes_what_it_means_and_is_recorded() {
    needs_engine!();
    reaping::each_reason_removes_what_it_means_and_is_recorded(&User::new(), "janitor-why");
}

#[test]
fn without_a_list_that_can_be_trusted_nothing_is_closed() {
    needs_engine!();
    reaping::without_a_list_that_can_be_trusted_nothing_is_closed(&User::new(), "janitor-sure");
}

#[test]
fn what_is_extended_or_kept_stays() {
    needs_engine!();
    reaping::what_is_extended_or_kept_stays(&User::new(), "janitor-stay");
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
fn a_janitor_that_dies_before_it_removes_leaves_a_record_that_says_begun() {
    needs_engine!();
    let user = User::new();
    user.has_up("janitor-dies", &[("1", &["--ttl", "1s"])]);
    let socket = user.folder.path().join("engine.sock");
    let asked_to_remove = nothing_is_removed(&socket);
    let flags = ["reap", "--expired", "--description", "janitor-dies", "--key", "key.pem", "--evidence", "evidence"];
    let mut command = user.command(&flags);
    command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    let janitor = Running::start(command);
    asked_to_remove.recv().unwrap();
    janitor.signal("KILL");
    janitor.ends().code(-9);
    let records = user.records("janitor-dies-pr-1");
    assert_eq!(records.len(), 1);
    user.verifies(&records[0]).code(0).says("BEGUN").says("never: whoever removed it died");
    user.dayfly(&["status", "janitor-dies-pr-1"]).code(0).says("running");
    // The next one does it.
    user.reaps("janitor-dies", &["--expired"]).code(0).says("removed janitor-dies-pr-1");
    assert_eq!(user.records("janitor-dies-pr-1").len(), 2);
}
