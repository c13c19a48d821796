//! Ctrl-C and SIGTERM: the first ends the command in order, the second at once. Both say what they do.

use std::io::IsTerminal;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::stdio::live;
use crate::report::exit_code;

/// The answers to signals.
pub struct Answers {
    /// What the first signal does.
    pub first: String,
    /// What the second signal left undone, and how to do it.
    pub second: Option<String>,
}

impl Answers {
    /// The answers of a command that removes an environment, unless it is interrupted again.
    pub fn removing(environment: &str, flags: &str) -> Self {
        Self {
            first: format!("stopping: removing {environment}; {} to leave it behind", again()),
            second: Some(left_behind(environment, flags)),
        }
    }

    /// The answers of a run that keeps its environment.
    pub fn keeping(environment: &str, flags: &str) -> Self {
        Self {
            first: format!("stopping: signing the report and keeping {environment}; {} to exit at once", again()),
            second: Some(left_behind(environment, flags)),
        }
    }

    /// The answers of a command that has nothing to remove.
    pub fn stopping() -> Self {
        Self { first: format!("stopping; {} to exit at once", again()), second: None }
    }
}

fn again() -> &'static str {
    if std::io::stderr().is_terminal() { "press Ctrl-C again" } else { "interrupt again" }
}

fn left_behind(environment: &str, flags: &str) -> String {
    format!("left {environment} behind; remove it with: dayfly down {environment}{flags}")
}

/// Time for the second answer to be told, before the process exits anyhow.
const TELL_LIMIT: Duration = Duration::from_secs(1);

/// Returns a token that the first SIGINT, SIGTERM or SIGHUP cancels, while `tell` tells the first answer; the second exits at
/// once, after the second answer if the terminal takes it.
pub fn watch(answers: Answers, tell: impl Fn(&str) + Send + 'static) -> anyhow::Result<CancellationToken> {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    let mut signals = all()?;
    tokio::spawn(async move {
        any(&mut signals).await;
        // First of all: a terminal that takes nothing more would block what is told.
        cancelled.cancel();
        let (done, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            tell(&answers.first);
            let _ = done.send(());
        });
        any(&mut signals).await;
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let _ = told.recv();
            live::end();
            if let Some(second) = answers.second {
                errln!("{second}");
            }
            let _ = ended.send(());
        });
        let _ = end.recv_timeout(TELL_LIMIT);
        std::process::exit(i32::from(exit_code::INTERRUPTED));
    });
    Ok(token)
}

/// `watch` for a command without progress.
pub fn watch_quiet() -> anyhow::Result<CancellationToken> {
    watch(Answers::stopping(), |answer| errln!("\n{answer}"))
}

/// Returns a token that the first SIGINT, SIGTERM or SIGHUP cancels; later signals do nothing. For pods, which the kubelet
/// kills after the grace period, and for commands that end at once.
pub fn ask() -> anyhow::Result<CancellationToken> {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    let mut signals = all()?;
    tokio::spawn(async move {
        any(&mut signals).await;
        cancelled.cancel();
    });
    Ok(token)
}

/// The signals of a command that passes them on.
pub struct Signals {
    count: watch::Receiver<u32>,
    /// Those that `another` has returned for.
    taken: u32,
}

impl Signals {
    /// Returns true if there was a signal.
    pub fn any(&self) -> bool {
        *self.count.borrow() > 0
    }

    /// Waits for a signal that it has not returned for yet.
    pub async fn another(&mut self) {
        let taken = self.taken;
        if self.count.wait_for(|count| *count > taken).await.is_err() {
            // Without a sender no signal follows.
            std::future::pending::<()>().await;
        }
        self.taken += 1;
    }
}

/// Counts SIGINT, SIGTERM and SIGHUP from now on.
pub fn count() -> anyhow::Result<Signals> {
    let mut signals = all()?;
    let (sender, count) = watch::channel(0);
    tokio::spawn(async move {
        loop {
            any(&mut signals).await;
            sender.send_modify(|count| *count += 1);
        }
    });
    Ok(Signals { count, taken: 0 })
}

fn all() -> std::io::Result<[tokio::signal::unix::Signal; 3]> {
    Ok([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?])
}

async fn any(signals: &mut [tokio::signal::unix::Signal; 3]) {
    let [a, b, c] = signals;
    tokio::select! {
        _ = a.recv() => {}
        _ = b.recv() => {}
        _ = c.recv() => {}
    }
}
