//! Layers, whether plain or compressed, as plain bytes that are counted and hashed.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use flate2::read::MultiGzDecoder;
use ring::digest::{Context, SHA256};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::budget::Budget;
use crate::model::hex;

/// Bytes from which the format is recognised: one block of a tar archive.
const HEAD: u64 = 512;
/// Most memory that a decoder of Zstandard takes, in bytes; the usual levels need 8 MiB.
const MAX_WINDOW: u64 = 32 << 20;

/// How an archive is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// Recognises an archive by its first bytes.
pub(super) fn packing(head: &[u8]) -> Option<Packing> {
    match head {
        [0x1f, 0x8b, ..] => Some(Packing::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstd),
        // A skippable frame, which may come first.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Packing::Zstd),
        _ if head.len() as u64 == HEAD && (&head[257..262] == b"ustar" || head.iter().all(|b| *b == 0)) => {
            Some(Packing::Plain)
        }
        _ => None,
    }
}

/// A stream from its beginning, of which the first bytes were read already.
pub(super) type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

/// The first bytes of a stream, and all of them again.
pub(super) fn peek<R: Read>(mut reader: R) -> io::Result<(Vec<u8>, Whole<R>)> {
    let mut head = vec![];
    reader.by_ref().take(HEAD).read_to_end(&mut head)?;
    Ok((head.clone(), Cursor::new(head).chain(reader)))
}

/// The plain bytes of an archive.
pub(super) fn plain<'a>(packing: Packing, reader: impl Read + 'a) -> Box<dyn Read + 'a> {
    match packing {
        Packing::Plain => Box::new(reader),
        Packing::Gzip => Box::new(MultiGzDecoder::new(reader)),
        Packing::Zstd => Box::new(Frames::Between(BufReader::new(reader))),
    }
}

/// Frames of Zstandard, one after the other; the library decodes one.
enum Frames<R: Read> {
    Between(BufReader<R>),
    Inside(Box<Frame<R>>),
    Ended,
}

/// One frame. The library's own reader cannot be made after the header was read.
struct Frame<R: Read> {
    source: BufReader<R>,
    decoder: FrameDecoder,
}

impl<R: Read> Frame<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let one = BlockDecodingStrategy::UptoBlocks(1);
            self.decoder.decode_blocks(&mut self.source, one).map_err(io::Error::other)?;
        }
        self.decoder.read(buffer)
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(self, Self::Ended) {
                Self::Ended => return Ok(0),
                Self::Between(source) => *self = begin(source)?,
                Self::Inside(mut frame) => match frame.read(buffer)? {
                    0 if !buffer.is_empty() => *self = Self::Between(frame.source),
                    n => {
                        *self = Self::Inside(frame);
                        return Ok(n);
                    }
                },
            }
        }
    }
}

fn begin<R: Read>(mut source: BufReader<R>) -> io::Result<Frames<R>> {
    if source.fill_buf()?.is_empty() {
        return Ok(Frames::Ended);
    }
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(MAX_WINDOW);
    match decoder.init(&mut source) {
        Ok(()) => Ok(Frames::Inside(Box::new(Frame { source, decoder }))),
        Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
            let skipped = io::copy(&mut source.by_ref().take(length.into()), &mut io::sink())?;
            if skipped == u64::from(length) {
                Ok(Frames::Between(source))
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        }
        Err(e) => Err(io::Error::other(e)),
    }
}

/// Counts and hashes what is read through it.
pub(super) struct Hashed<'a, R> {
    reader: R,
    budget: &'a Budget,
    context: Context,
}

impl<'a, R: Read> Hashed<'a, R> {
    pub(super) fn new(reader: R, budget: &'a Budget) -> Self {
        // In assembly, so that debug builds are fast enough, too.
        Self { reader, budget, context: Context::new(&SHA256) }
    }

    /// Reads what is left, and returns the digest of everything.
    pub(super) fn digest(mut self) -> io::Result<String> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(format!("sha256:{}", hex(self.context.finish().as_ref())))
    }
}

impl<R: Read> Read for Hashed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.budget.read(n as u64).map_err(io::Error::other)?;
        self.context.update(&buffer[..n]);
        Ok(n)
    }
}
