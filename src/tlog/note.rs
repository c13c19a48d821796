//! Signed notes (c2sp.org/signed-note): text with signature lines, and the keys that verify them. Pure.
//!
//! Two kinds of signatures are known: Ed25519 of a log (0x01), and the timestamped one of a witness (0x04,
//! c2sp.org/tlog-cosignature). Signatures of unknown keys are ignored, as the specification demands.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};

use crate::model::{Digest, hex};

/// Longest note in bytes.
pub const MAX_BYTES: usize = 1 << 16;
/// Most signatures of a note.
const MAX_SIGNATURES: usize = 64;
/// Longest name of a key in bytes.
const MAX_NAME: usize = 200;

/// Whose signature it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// A log's own.
    Log = 1,
    /// A witness's.
    Witness = 4,
}

/// A public key with its name, as logs and witnesses publish it (`name+id+key`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKey {
    name: String,
    used: KeyUse,
    key: VerifyingKey,
}

/// A private key with its name.
pub struct LogSigner {
    public: LogKey,
    key: SigningKey,
}

/// A note as read. Nothing of it is trusted before a signature is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The signed text, with its last newline.
    pub text: String,
    signatures: Vec<(String, Vec<u8>)>,
}

/// Returns why a text cannot be the name of a key, or the origin of a log.
pub fn check_name(name: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | ':');
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(good) {
        return Err(format!(
            "{:?} cannot be a name; write it like `git.example/team`: letters, digits and `.-_/:`, at most {MAX_NAME}",
            name.chars().take(60).collect::<String>()
        ));
    }
    Ok(())
}

impl LogKey {
    /// A key for a use. Fails if the name cannot be one.
    pub fn new(name: &str, used: KeyUse, key: VerifyingKey) -> Result<Self, String> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), used, key })
    }

    /// Reads `name+id+key`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let bad = |why: &str| format!("it is not `name+id+key` as `dayfly log create` prints it: {why}");
        let [name, id, key] = text.splitn(3, '+').collect::<Vec<_>>()[..] else {
            return Err(bad("it has not two `+`"));
        };
        let material = STANDARD.decode(key).map_err(|_| bad("the key is not base64"))?;
        let used = match material.first() {
            Some(1) => KeyUse::Log,
            Some(4) => KeyUse::Witness,
            _ => return Err(bad("the key is of a kind other than Ed25519")),
        };
        let bytes: [u8; 32] = material[1..].try_into().map_err(|_| bad("the key is not 32 bytes long"))?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| bad("the key is not a point of the curve"))?;
        let key = Self::new(name, used, key)?;
        if hex(&key.id()) != id { Err(bad("the id is not that of the key")) } else { Ok(key) }
    }

    /// Its name; of a log, the origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose signatures it verifies.
    pub fn used(&self) -> KeyUse {
        self.used
    }

    /// Its id: the eight hexadecimal digits in the middle of its text.
    pub fn id_text(&self) -> String {
        hex(&self.id())
    }

    /// The key without name and use.
    pub fn raw(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Returns true if both are the same key, whatever their names and uses are.
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// The four bytes before each signature.
    fn id(&self) -> [u8; 4] {
        let mut input = self.name.as_bytes().to_vec();
        input.extend([b'\n', self.used as u8]);
        input.extend(self.key.as_bytes());
        let digest = Digest::compute(input);
        let [a, b, c, d, ..] = *digest.as_bytes();
        [a, b, c, d]
    }

    /// The signature lines of this key in a note, as they are.
    pub fn lines(&self, note: &Note) -> String {
        let own = note.signatures.iter().filter(|(name, bytes)| self.is_line(name, bytes));
        own.map(|(name, bytes)| line(name, bytes)).collect()
    }

    fn is_line(&self, name: &str, bytes: &[u8]) -> bool {
        name == self.name && bytes[..4] == self.id()
    }

    /// Verifies the note by this key. Returns none if the key signed nothing of it, and the time of the signature in seconds since 1970
    /// (0 for a log's own) otherwise. A wrong signature of a known key is an error.
    pub fn verify(&self, note: &Note) -> Result<Option<u64>, String> {
        let mut found = None;
        for (_, bytes) in note.signatures.iter().filter(|(name, bytes)| self.is_line(name, bytes)) {
            let wrong = || format!("the signature of {} does not match", self.name);
            let (time, signature, message) = match self.used {
                KeyUse::Log => (0, &bytes[4..], note.text.clone()),
                KeyUse::Witness => {
                    let (time, signature) = bytes[4..].split_first_chunk::<8>().ok_or_else(wrong)?;
                    let time = u64::from_be_bytes(*time);
                    (time, signature, cosigned(time, &note.text))
                }
            };
            let signature = Signature::from_slice(signature).map_err(|_| wrong())?;
            self.key.verify_strict(message.as_bytes(), &signature).map_err(|_| wrong())?;
            found = found.max(Some(time));
        }
        Ok(found)
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut material = vec![self.used as u8];
        material.extend(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, hex(&self.id()), STANDARD.encode(material))
    }
}

impl fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogSigner({})", self.public)
    }
}

impl LogSigner {
    /// A key for a use. Fails if the name cannot be one.
    pub fn new(name: &str, used: KeyUse, key: SigningKey) -> Result<Self, String> {
        Ok(Self { public: LogKey::new(name, used, key.verifying_key())?, key })
    }

    /// Its public half.
    pub fn public(&self) -> &LogKey {
        &self.public
    }

    /// The signature line for a text, at a time in seconds since 1970 (which only witnesses sign).
    pub fn line(&self, text: &str, time: u64) -> String {
        let mut bytes = self.public.id().to_vec();
        match self.public.used {
            KeyUse::Log => bytes.extend(self.key.sign(text.as_bytes()).to_bytes()),
            KeyUse::Witness => {
                bytes.extend(time.to_be_bytes());
                bytes.extend(self.key.sign(cosigned(time, text).as_bytes()).to_bytes());
            }
        }
        line(&self.public.name, &bytes)
    }
}

fn line(name: &str, bytes: &[u8]) -> String {
    format!("— {name} {}\n", STANDARD.encode(bytes))
}

/// What a witness signs.
fn cosigned(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl Note {
    /// Reads a note. Fails if it is not one, or too large.
    pub fn parse(note: &str) -> Result<Self, String> {
        let bad = |why: &str| format!("it is not a signed note: {why}");
        if note.len() > MAX_BYTES {
            return Err(bad("it is too large"));
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(bad("it has control characters"));
        }
        let at = note.rfind("\n\n").ok_or_else(|| bad("it has no signatures"))?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        let lines = lines.strip_suffix('\n').ok_or_else(|| bad("its last line does not end"))?;
        let signature = |line: &str| {
            let (name, bytes) = line.strip_prefix("— ")?.split_once(' ')?;
            let bytes = STANDARD.decode(bytes).ok().filter(|b| b.len() > 4)?;
            (!name.is_empty() && !name.contains('+')).then(|| (name.to_owned(), bytes))
        };
        let signatures = lines.split('\n').map(signature).collect::<Option<Vec<_>>>();
        let signatures = signatures.ok_or_else(|| bad("a signature line is malformed"))?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(bad("it has too many signatures"));
        }
        Ok(Self { text: text.to_owned(), signatures })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The example of c2sp.org/signed-note.
    const EXAMPLE_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const EXAMPLE: &str = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    fn signer(used: KeyUse) -> LogSigner {
        LogSigner::new("log.example/one", used, SigningKey::from_bytes(&[7; 32])).unwrap()
    }

    #[test]
    fn verifies_the_example_of_the_specification() {
        let key = LogKey::parse(EXAMPLE_KEY).unwrap();
        assert_eq!(key.to_string(), EXAMPLE_KEY);
        assert_eq!(key.verify(&Note::parse(EXAMPLE).unwrap()), Ok(Some(0)));
        let changed = Note::parse(&EXAMPLE.replace("message", "massage")).unwrap();
        assert!(key.verify(&changed).is_err());
    }

    #[test]
    fn ignores_signatures_of_other_keys_and_refuses_wrong_ones_of_its_own() {
        let (log, witness) = (signer(KeyUse::Log), signer(KeyUse::Witness));
        let text = "log.example/one\n1\nAAAA\n";
        let note = Note::parse(&format!("{text}\n{}{}", log.line(text, 0), witness.line(text, 1_700_000_000))).unwrap();
        assert_eq!(log.public().verify(&note), Ok(Some(0)));
        assert_eq!(witness.public().verify(&note), Ok(Some(1_700_000_000)));
        let other = LogSigner::new("log.example/two", KeyUse::Log, SigningKey::from_bytes(&[8; 32])).unwrap();
        assert_eq!(other.public().verify(&note), Ok(None));
        let moved = Note::parse(&format!("{}\n{}", text.replace('1', "2"), log.line(text, 0))).unwrap();
        assert!(log.public().verify(&moved).is_err());
    }

    #[test]
    fn refuses_what_is_no_note_and_what_is_no_key() {
        let line = signer(KeyUse::Log).line("a\n", 0);
        for note in ["", "a\n", "a\n\n", "a\n\nb\n", "a\n\n— x AAAA\n", "a\r\n\n— x AAAAAAAA\n", "a\n\n— x AAAAAAAA"]
        {
            assert!(Note::parse(note).is_err(), "{note:?}");
        }
        assert!(Note::parse(&format!("a\n\n{}", line.repeat(65))).is_err());
        assert!(Note::parse(&format!("{}\n\n{line}", "a".repeat(MAX_BYTES))).is_err());
        for key in ["", "a+b", "a+00000000+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "a b+530d903a+AAAA"] {
            assert!(LogKey::parse(key).is_err(), "{key:?}");
        }
    }
}
