//! Witnesses (c2sp.org/tlog-cosignature): others than the log's holder, who remember what they saw of the log, and sign its checkpoint with
//! the time if it extends that.
//!
//! In the folder of the log, `witnessed/<id>` is the last checkpoint that the witness with this key id signed. `witnessed/<id>.history/<size>`
//! is the first one of each size: it proves since when entries exist.

use jiff::Timestamp;

use super::checkpoint::Checkpoint;
use super::error::LogError;
use super::folder::Folder;
use super::note::{LogKey, LogSigner, Note};
use super::view::View;

/// A checkpoint that a witness signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Cosigned {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// When, by the clock of the witness.
    pub time: Timestamp,
}

/// What a witness says of a log that extends what it signed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Witnessed {
    /// Name of the witness.
    pub name: String,
    /// Number of entries that it signed; none if it signed nothing that is here.
    pub entries: Option<u64>,
    /// When.
    pub time: Option<Timestamp>,
}

impl Cosigned {
    /// Reads a checkpoint, and verifies it by the keys of the log and of the witness.
    pub fn verified(note: &str, log: &LogKey, witness: &LogKey) -> Result<Self, String> {
        let checkpoint = Checkpoint::verified(note, log)?;
        let time = witness.verify(&Note::parse(note)?)?;
        let time = time.ok_or_else(|| format!("it has no signature by the witness {}", witness.name()))?;
        let time = i64::try_from(time).ok().and_then(|s| Timestamp::from_second(s).ok());
        let time = time.ok_or_else(|| format!("the time of the witness {} is none", witness.name()))?;
        Ok(Self { checkpoint, time })
    }
}

/// Signs the checkpoint of a log that extends what the witness saw of it, and stores it beside the log. `seen` is the note that `remember`
/// kept the last time. It keeps the new one first: what a witness might forget must never be seen by anybody else. Returns what was signed.
pub fn cosign(
    view: &View,
    seen: Option<&str>,
    signer: &LogSigner,
    now: Timestamp,
    remember: impl FnOnce(&str) -> Result<(), LogError>,
) -> Result<Cosigned, LogError> {
    if let Some(seen) = seen {
        view.extends(&Checkpoint::verified(seen, view.key()).map_err(LogError::Checkpoint)?)?;
        // A note that the witness did not sign comes from `log verify`.
        let before = Cosigned::verified(seen, view.key(), signer.public()).ok();
        if let Some(before) = before.filter(|before| before.time > now) {
            return Err(LogError::Clock { before: before.time, now });
        }
    }
    let note = Note::parse(view.note()).map_err(LogError::Checkpoint)?;
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let note = format!("{}\n{}{}", note.text, view.key().lines(&note), signer.line(&note.text, seconds));
    let cosigned = Cosigned::verified(&note, view.key(), signer.public()).map_err(LogError::Checkpoint)?;
    remember(&note)?;
    let (last, first) = paths(signer.public(), cosigned.checkpoint.size);
    let mut files = vec![(last, note.clone().into_bytes())];
    let has_first = read(view.folder(), &first, view.key(), signer.public())
        .is_ok_and(|there| there.is_some_and(|there| there.checkpoint == cosigned.checkpoint));
    if !has_first {
        files.push((first, note.into_bytes()));
    }
    view.folder().write(&files)?;
    Ok(cosigned)
}

/// Verifies that a log extends what each of the witnesses signed last.
pub fn check(view: &View, witnesses: &[LogKey]) -> Result<Vec<Witnessed>, LogError> {
    let one = |witness: &LogKey| {
        let (last, _) = paths(witness, 0);
        let Some(signed) = read(view.folder(), &last, view.key(), witness)? else {
            return Ok(Witnessed { name: witness.name().to_owned(), entries: None, time: None });
        };
        let what = format!("were signed by the witness {} at {}", witness.name(), signed.time);
        view.extends_what(&signed.checkpoint, &what)?;
        let entries = Some(signed.checkpoint.size);
        Ok(Witnessed { name: witness.name().to_owned(), entries, time: Some(signed.time) })
    };
    witnesses.iter().map(one).collect()
}

/// The first time at which one of the witnesses signed a checkpoint with the entry at a place, in a log that extends this checkpoint; none
/// if none did.
pub fn exists_since(view: &View, witnesses: &[LogKey], index: u64) -> Result<Option<Timestamp>, LogError> {
    let mut first: Option<Timestamp> = None;
    for witness in witnesses {
        let sizes = view.folder().numbers(&history(witness))?;
        // A later checkpoint was signed later, so that the first one with the entry decides.
        for size in sizes.into_iter().filter(|size| *size > index) {
            let Some(signed) = read(view.folder(), &paths(witness, size).1, view.key(), witness)? else { continue };
            let what = format!("were signed by the witness {} at {}", witness.name(), signed.time);
            view.extends_what(&signed.checkpoint, &what)?;
            if signed.checkpoint.size > index {
                first = Some(first.map_or(signed.time, |time| time.min(signed.time)));
                break;
            }
        }
    }
    Ok(first)
}

fn read(folder: &Folder, path: &str, log: &LogKey, witness: &LogKey) -> Result<Option<Cosigned>, LogError> {
    let verified = |note: String| {
        Cosigned::verified(&note, log, witness).map_err(|why| LogError::Checkpoint(format!("{path}: {why}")))
    };
    folder.cosigned(path)?.map(verified).transpose()
}

fn history(witness: &LogKey) -> String {
    format!("witnessed/{}.history", witness.id_text())
}

/// Files with the last checkpoint that a witness signed, and with the first one of a size.
fn paths(witness: &LogKey, size: u64) -> (String, String) {
    (format!("witnessed/{}", witness.id_text()), format!("{}/{size}", history(witness)))
}
