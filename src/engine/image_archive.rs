//! The archive of an image, sent piece by piece, and read on a thread that may wait.

use std::future::Future;
use std::io::{self, Read};

use bytes::Bytes;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Pieces that wait for the reader.
const WAITING: usize = 16;

/// An image that an engine sends.
#[derive(Debug)]
pub struct ImageArchive {
    /// `sha256:…` as reports name it: the manifest, or the id of an image without a registry.
    pub digest: String,
    /// Digest of a manifest or configuration that the archive must have: otherwise it is another image.
    pub id: String,
    pieces: Receiver<Result<Bytes, String>>,
    stop: CancellationToken,
}

/// Takes the pieces of an archive.
#[derive(Debug, Clone)]
pub struct Pieces(Sender<Result<Bytes, String>>);

impl Pieces {
    /// Sends a piece. Fails if nobody reads any more.
    pub async fn send(&self, piece: impl Into<Bytes>) -> Result<(), String> {
        self.0.send(Ok(piece.into())).await.map_err(|_| "nobody reads the archive any more".into())
    }
}

impl ImageArchive {
    /// Begins to send what `send` passes to its pieces. Its error ends the archive.
    pub fn sending<F>(digest: String, id: String, send: impl FnOnce(Pieces) -> F) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let (sender, pieces) = channel(WAITING);
        let stop = CancellationToken::new();
        let (sending, stopped) = (send(Pieces(sender.clone())), stop.clone());
        tokio::spawn(async move {
            if let Some(Err(why)) = stopped.run_until_cancelled(sending).await {
                let _ = sender.send(Err(why)).await;
            }
        });
        Self { digest, id, pieces, stop }
    }

    /// A reader, and a guard: without it, the reader fails soon, so that its thread does not go on for nothing.
    pub fn into_reader(self) -> (ArchiveReader, DropGuard) {
        let guard = self.stop.clone().drop_guard();
        (ArchiveReader { pieces: self.pieces, current: Bytes::new(), stop: self.stop }, guard)
    }
}

/// Reads an archive; to be used on a thread that may wait.
#[derive(Debug)]
pub struct ArchiveReader {
    pieces: Receiver<Result<Bytes, String>>,
    current: Bytes,
    stop: CancellationToken,
}

impl Read for ArchiveReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            let piece = self.pieces.blocking_recv();
            if self.stop.is_cancelled() {
                return Err(io::Error::other("the scan was stopped"));
            }
            match piece {
                Some(piece) => self.current = piece.map_err(io::Error::other)?,
                None => return Ok(0),
            }
        }
        let n = buffer.len().min(self.current.len());
        buffer[..n].copy_from_slice(&self.current.split_to(n));
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_reader_gets_all_pieces_and_the_error_that_ends_them() {
        let archive = ImageArchive::sending(String::new(), String::new(), |pieces| async move {
            for _ in 0..100 {
                pieces.send(&b"ab"[..]).await?;
            }
            Err("cut".to_owned())
        });
        let (mut reader, _guard) = archive.into_reader();
        let read = tokio::task::spawn_blocking(move || {
            let mut all = vec![];
            let why = reader.read_to_end(&mut all).unwrap_err().to_string();
            (all.len(), why)
        });
        assert_eq!(read.await.unwrap(), (200, "cut".to_owned()));
    }

    #[tokio::test]
    async fn a_reader_whose_guard_is_gone_ends_although_nothing_is_sent() {
        let archive = ImageArchive::sending(String::new(), String::new(), |pieces| async move {
            pieces.send(&b"ab"[..]).await?;
            std::future::pending().await
        });
        let (mut reader, guard) = archive.into_reader();
        let read = tokio::task::spawn_blocking(move || reader.read_to_end(&mut vec![]).unwrap_err().to_string());
        drop(guard);
        assert_eq!(read.await.unwrap(), "the scan was stopped");
    }
}
