//! Notes, keys, proofs and bundles of the log.

use std::sync::OnceLock;

use dayfly::tlog::note::{KeyUse, Note};
use dayfly::tlog::{Checkpoint, LogKey, LogSigner, Proof, bundle};

fn signer() -> &'static LogSigner {
    static SIGNER: OnceLock<LogSigner> = OnceLock::new();
    SIGNER.get_or_init(|| {
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        LogSigner::new("log.example/fuzz", KeyUse::Log, key).expect("the name is valid")
    })
}

/// Whatever is read is what is written again, and nothing is proven by anybody but the key's holder.
pub fn log(bytes: &[u8]) {
    if let Some(entries) = bundle::decode(bytes) {
        assert_eq!(bundle::encode(&entries).as_deref(), Some(bytes));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = LogKey::parse(text) {
        assert_eq!(LogKey::parse(&key.to_string()), Ok(key));
    }
    if let Ok(note) = Note::parse(text) {
        drop(signer().public().verify(&note));
        drop(Checkpoint::parse(&note.text));
    }
    if let Ok(proof) = Proof::parse(text) {
        assert_eq!(Proof::parse(&proof.text()), Ok(proof.clone()));
        if let Ok(checkpoint) = proof.verify(signer().public()) {
            assert_eq!(checkpoint.origin, "log.example/fuzz");
        }
        // With a checkpoint that the log did sign, only the proof decides.
        let checkpoint = Checkpoint { size: 5, ..Checkpoint::empty("log.example/fuzz") };
        let proof = Proof { checkpoint: checkpoint.signed(signer()), ..proof };
        assert!(proof.verify(signer().public()).is_err(), "no entry has the root of an empty tree");
    }
}
