//! `dayfly cp`: copies a file or a folder between this machine and a service, through `tar` in the service.
//!
//! What a service sends is foreign: it is bounded, its links and special files are left out, and it is unpacked into a new
//! folder, which gets its name at the end. So nothing is written outside of the target, and nothing half-made stays.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use super::error::{ReportedError, engine_error, usage_error};
use super::exec::lease_with;
use super::{Common, Output, signals, target};
use crate::engine::{AttachedCommand, Engine, EngineError, ExecutionEnd, OutputPiece};
use crate::lease::Lease;
use crate::lifecycle::usage;
use crate::report::exit_code;

mod copied;
mod pack;
mod unpack;

use copied::{Copied, MAX_BYTES, PIECE};

/// Most bytes of what `tar` says.
const MAX_WORDS: usize = 4 * 1024;
/// Time limit for a question about a path.
const TEST_LIMIT: Duration = Duration::from_secs(30);

/// Arguments of `cp`.
#[derive(Debug, Args)]
pub struct CpArgs {
    /// File or folder: a local path, or ENVIRONMENT:SERVICE:/PATH; FOLDER/. is what is in a folder
    from: String,
    /// Where to: a local path, or ENVIRONMENT:SERVICE:/PATH. Copied into it if it is a folder, or ends with /; there, files of the
    /// same name are replaced, and folders joined
    to: String,
}

/// A path in a service.
struct Remote {
    environment: String,
    service: String,
    /// Absolute.
    path: String,
}

impl Remote {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let (environment, service, path) = (parts.next()?, parts.next()?, parts.next()?);
        let is_remote = path.starts_with('/') && !environment.contains('/');
        is_remote.then(|| Self { environment: environment.into(), service: service.into(), path: path.into() })
    }

    /// The content of the folder is meant, and not the folder: its path ends with `/.`.
    fn is_content(&self) -> bool {
        self.path.ends_with("/.")
    }

    /// Folder and last part of the path.
    fn split(&self) -> anyhow::Result<(&str, &str)> {
        let path = if self.is_content() { &self.path[..self.path.len() - 1] } else { &self.path };
        match path.trim_end_matches('/').rsplit_once('/') {
            Some((folder, name)) if !name.is_empty() && name != ".." && name != "." => {
                Ok((if folder.is_empty() { "/" } else { folder }, name))
            }
            _ => Err(usage_error(&format!("{} names no file or folder below /", self.path)).into()),
        }
    }
}

/// Copies, and says how much.
pub async fn run(args: CpArgs, common: &Common) -> anyhow::Result<u8> {
    let (from, to) = (Remote::parse(&args.from), Remote::parse(&args.to));
    let engine = target::engine(common).await?;
    let stop = signals::watch_quiet()?;
    let target = async |remote: &Remote| {
        let lease = lease_with(&remote.environment, &remote.service, engine.as_ref(), common).await?;
        usage::record_use(engine.as_ref(), &lease).await;
        anyhow::Ok(Target { lease, engine: engine.as_ref(), common, stop: stop.clone() })
    };
    let copied = match (from, to) {
        (Some(from), None) => download(&from, Path::new(&args.to), &target(&from).await?).await?,
        (None, Some(to)) => upload(Path::new(&args.from), &to, &target(&to).await?).await?,
        _ => anyhow::bail!(usage_error("exactly one of the two is in a service, written as ENVIRONMENT:SERVICE:/PATH")),
    };
    let Copied { files, bytes, skipped } = copied;
    if common.output == Output::Json {
        outln!("{}", serde_json::json!({"files": files, "bytes": bytes, "skipped": skipped}));
    } else {
        errln!("copied {files} file(s), {bytes} bytes");
        if skipped > 0 {
            errln!("note: {skipped} link(s) and special file(s) were left out");
        }
    }
    Ok(exit_code::PASSED)
}

async fn download(from: &Remote, to: &Path, target: &Target<'_>) -> anyhow::Result<Copied> {
    let (folder, name) = from.split()?;
    let place = unpack::Place::new(to, name, from.is_content()).map_err(|why| usage_error(&why))?;
    let archive = tempfile::tempfile()?;
    let command = ["tar", "-cf", "-", "-C", folder, &format!("./{name}")].map(str::to_owned);
    let mut archive = target.transfer(from, &command, None, archive).await?;
    archive.rewind()?;
    let (name, stop) = (name.to_owned(), target.stop.clone());
    let copied = tokio::task::spawn_blocking(move || place.unpack(archive, &name, &stop)).await?;
    copied.map_err(|why| match target.stop.is_cancelled() {
        true => ReportedError(exit_code::INTERRUPTED).into(),
        false => refused(&format!("failed to copy {} from {}: {why}", from.path, from.service)),
    })
}

async fn upload(from: &Path, to: &Remote, target: &Target<'_>) -> anyhow::Result<Copied> {
    let is_content = from.as_os_str().as_bytes().ends_with(b"/.") || from.as_os_str() == ".";
    let local = from.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let is_into = !is_content && (to.path.ends_with('/') || target.has(to, "-d").await?);
    let (folder, name) = match (is_into, local) {
        (false, _) => to.split().map(|(folder, name)| (folder.to_owned(), name.to_owned()))?,
        (true, Some(name)) => (to.path.clone(), name),
        (true, None) => anyhow::bail!(usage_error(&format!("{} has no name", from.display()))),
    };
    if from.is_dir() && target.has(to, "-f").await? {
        anyhow::bail!(usage_error(&format!(
            "{} is a file in {}, and {} is a folder",
            to.path,
            to.service,
            from.display()
        )));
    }
    let (source, as_name) = (from.to_owned(), PathBuf::from(name));
    let packed = tokio::task::spawn_blocking(move || pack::pack(&source, &as_name)).await?;
    let (archive, copied) = packed.map_err(|why| usage_error(&format!("failed to read {}: {why}", from.display())))?;
    let command = ["tar", "-xof", "-", "-C", &folder].map(str::to_owned);
    target.transfer(to, &command, Some(archive), tempfile::tempfile()?).await?;
    Ok(copied)
}

/// The environment in whose service files are.
struct Target<'a> {
    lease: Lease,
    engine: &'a dyn Engine,
    common: &'a Common,
    /// The first signal.
    stop: CancellationToken,
}

impl Target<'_> {
    /// Asks `test` in the service about a path. Without that program, no path is there: `tar` then says what is wrong.
    async fn has(&self, remote: &Remote, kind: &str) -> anyhow::Result<bool> {
        let command = ["test", kind, &remote.path].map(str::to_owned);
        let asked = self.engine.exec(&self.lease, &remote.service, &command, TEST_LIMIT).await;
        Ok(asked.map_err(|e| engine_error(self.common, &e))?.end == ExecutionEnd::Exited(0))
    }

    /// Runs `tar` with this input; returns its output.
    async fn transfer(
        &self,
        remote: &Remote,
        command: &[String],
        input: Option<File>,
        output: File,
    ) -> anyhow::Result<File> {
        let moving = transfer(remote, command, input, output, self);
        self.stop.run_until_cancelled(moving).await.unwrap_or_else(|| {
            errln!("note: tar may still run in {}, which may hold a part of what was sent", remote.service);
            Err(ReportedError(exit_code::INTERRUPTED).into())
        })
    }
}

async fn transfer(
    remote: &Remote,
    command: &[String],
    input: Option<File>,
    output: File,
    target: &Target<'_>,
) -> anyhow::Result<File> {
    let Target { lease, engine, common, .. } = target;
    let service = &remote.service;
    let attached = engine.attach(lease, service, command, None).await.map_err(|e| engine_error(common, &e))?;
    let AttachedCommand { input: mut sink, output: pieces, end, .. } = attached;
    let mut received = Received { archive: output, bytes: 0, words: vec![] };
    let sending = async {
        if let Some(file) = input {
            let mut file = tokio::fs::File::from_std(file);
            let mut buffer = vec![0; PIECE];
            while let Ok(length @ 1..) = file.read(&mut buffer).await {
                // Its end says why it reads no more.
                if sink.write_all(&buffer[..length]).await.is_err() {
                    break;
                }
            }
            sink.flush().await.ok();
        }
        sink.shutdown().await.ok();
    };
    let receiving = received.all(pieces);
    // What is refused is not waited for: the service may read nothing any more.
    let both = tokio::try_join!(receiving, async {
        sending.await;
        Ok(())
    });
    both.map_err(|e| match e {
        ReceiveError::Engine(e) => engine_error(common, &e),
        ReceiveError::Local(why) => refused(&format!("failed to copy {} from {service}: {why}", remote.path)),
    })?;
    let end = end.await.map_err(|e| engine_error(common, &e))?;
    let words = String::from_utf8_lossy(&received.words).trim().to_owned();
    // A log that grows meanwhile is no failure.
    let only_changed = !words.is_empty() && words.lines().all(|l| l.contains("file changed as we read it"));
    match end {
        ExecutionEnd::Exited(0) => Ok(received.archive),
        ExecutionEnd::Exited(1) if only_changed => Ok(received.archive),
        ExecutionEnd::Exited(126 | 127) => {
            Err(refused(&format!("failed to copy: the image of {service} has no `tar`, which `cp` needs there")))
        }
        ExecutionEnd::NotStarted(why) => {
            Err(refused(&format!("failed to run `tar` in {service}, which `cp` needs there: {why}")))
        }
        ExecutionEnd::Exited(code) => {
            Err(refused(&format!("failed to copy: tar in {service} ended with code {code}: {words}")))
        }
        ExecutionEnd::TimedOut => Err(refused("failed to copy: tar did not end")),
    }
}

fn refused(why: &str) -> anyhow::Error {
    errln!("error: {why}");
    ReportedError(exit_code::UNEXPECTED).into()
}

/// What a service has sent.
struct Received {
    archive: File,
    bytes: u64,
    words: Vec<u8>,
}

enum ReceiveError {
    Engine(EngineError),
    Local(String),
}

impl Received {
    async fn all(
        &mut self,
        mut pieces: futures::stream::BoxStream<'static, Result<OutputPiece, EngineError>>,
    ) -> Result<(), ReceiveError> {
        while let Some(piece) = pieces.next().await {
            match piece.map_err(ReceiveError::Engine)? {
                OutputPiece::Stdout(bytes) => {
                    self.bytes += bytes.len() as u64;
                    // The headers of the archive come on top.
                    if self.bytes > MAX_BYTES + (MAX_BYTES >> 2) {
                        let why = format!("it is larger than {} MiB; copy a part of it", MAX_BYTES >> 20);
                        return Err(ReceiveError::Local(why));
                    }
                    self.archive.write_all(&bytes).map_err(|e| ReceiveError::Local(e.to_string()))?;
                }
                OutputPiece::Stderr(bytes) => {
                    let room = MAX_WORDS - self.words.len();
                    self.words.extend_from_slice(&bytes[..bytes.len().min(room)]);
                }
            }
        }
        Ok(())
    }
}
