//! Ctrl-C and SIGTERM: the first cleans up, the second exits at once and prints how to clean up.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::report::exit_code;

/// Returns a token that the first SIGINT, SIGTERM or SIGHUP cancels; the second exits at once and prints the clean-up
/// command, if there is anything to clean up.
pub fn watch(cleanup: Option<String>) -> anyhow::Result<CancellationToken> {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    let mut signals = all()?;
    tokio::spawn(async move {
        any(&mut signals).await;
        match &cleanup {
            Some(_) => errln!("\nstopping and cleaning up; interrupt again to exit at once"),
            None => errln!("\nstopping; interrupt again to exit at once"),
        }
        cancelled.cancel();
        any(&mut signals).await;
        if let Some(command) = cleanup {
            errln!("exited without cleaning up; clean up with: {command}");
        }
        std::process::exit(i32::from(exit_code::INTERRUPTED));
    });
    Ok(token)
}

/// Returns a token that the first SIGINT, SIGTERM or SIGHUP cancels; later signals do nothing. For pods, which the kubelet
/// kills after the grace period.
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
