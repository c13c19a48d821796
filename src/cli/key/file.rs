//! Key files: reads private and public keys, writes new ones.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use pkcs8::der::zeroize::Zeroizing;

use super::passphrase::{PassphraseSource, ask};
use crate::cli::error::usage_error;
use crate::cli::process_env;
use crate::evidence::key::is_encrypted;
use crate::evidence::{KeyKind, SigningKey, VerifyingKey};

/// A new key pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// PKCS#8 PEM, readable by its owner only.
    pub private: PathBuf,
    /// SPKI PEM, for everyone.
    pub public: PathBuf,
    /// The key's id.
    pub keyid: String,
}

/// Writes a new private key to `out` (mode 0600) and its public half to `<out>.pub`.
pub fn generate(out: &Path, kind: KeyKind, passphrase: Option<&str>, force: bool) -> anyhow::Result<Generated> {
    let public = with_pub(out);
    if let Some(there) = [out, &public].into_iter().find(|p| !force && p.exists()) {
        bail!("failed to generate a key: {} exists; give another name, or --force to overwrite it", there.display());
    }
    let key = random(kind)?;
    let verifying = key.verifying_key();
    write(out, key.to_pem(passphrase).context("failed to generate a key")?.as_bytes(), 0o600, force)?;
    write(&public, verifying.to_pem().context("failed to generate a key")?.as_bytes(), 0o644, force)?;
    Ok(Generated { private: out.to_owned(), public, keyid: verifying.keyid() })
}

/// Generates a key.
pub fn random(kind: KeyKind) -> anyhow::Result<SigningKey> {
    loop {
        let mut seed = Zeroizing::new([0u8; 32]);
        getrandom::fill(seed.as_mut_slice()).context("failed to generate a key: no randomness from the system")?;
        if let Some(key) = SigningKey::from_seed(kind, &seed) {
            return Ok(key);
        }
    }
}

/// The user's own key: `dayfly/key.pem` in `XDG_CONFIG_HOME`, or else in `~/.config`. It may not exist.
pub fn default_file() -> Option<PathBuf> {
    let variables = process_env::variables();
    let folder = |name: &str| variables.get(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let configuration = folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")))?;
    Some(configuration.join("dayfly").join("key.pem"))
}

/// The same, in a folder that exists.
pub fn own() -> anyhow::Result<PathBuf> {
    let file = default_file().context("failed to generate a key: HOME is not set; name a file for it")?;
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("failed to create the folder {}", folder.display()))?;
    Ok(file)
}

/// Writes atomically; without `force`, only if the file does not exist.
fn write(path: &Path, bytes: &[u8], mode: u32, force: bool) -> anyhow::Result<()> {
    let why = || format!("failed to write {}", path.display());
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".key-")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
        .with_context(why)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).with_context(why)?;
    let done = if force { file.persist(path) } else { file.persist_noclobber(path) };
    done.map(drop).map_err(|e| e.error).with_context(why)
}

/// Reads a private key; asks for the passphrase if it is encrypted and none is given.
pub fn load(path: &Path, source: &PassphraseSource) -> anyhow::Result<SigningKey> {
    let pem =
        Zeroizing::new(fs::read_to_string(path).with_context(|| format!("failed to read the key {}", path.display()))?);
    warn_if_readable_by_others(path);
    let passphrase = match is_encrypted(&pem) {
        false => None,
        true => match source.given()? {
            Some(given) => Some(given),
            None => Some(ask(&format!("Passphrase of {}: ", path.display()))?),
        },
    };
    SigningKey::from_pem(&pem, passphrase.as_ref().map(|p| p.as_str()))
        .map_err(|e| anyhow::anyhow!("failed to {e} (in {})", path.display()))
}

/// Warns about a key that every user may read. A key on a mounted volume often cannot have another mode, so it is
/// used all the same.
fn warn_if_readable_by_others(path: &Path) {
    let mode = fs::metadata(path).map_or(0, |meta| meta.permissions().mode() & 0o777);
    if mode & 0o007 != 0 {
        let path = path.display();
        errln!(
            "warning: every user can read the private key {path} (mode {mode:o}); restrict it with: chmod 600 {path}"
        );
    }
}

/// Reads a public key.
pub fn load_public(path: &Path) -> anyhow::Result<VerifyingKey> {
    let pem = fs::read_to_string(path).with_context(|| format!("failed to read the key {}", path.display()))?;
    VerifyingKey::from_pem(&pem).map_err(|e| anyhow::anyhow!("failed to {e} (in {})", path.display()))
}

/// The id and kind of a public key, or of a private one.
pub fn show(path: &Path, source: &PassphraseSource) -> anyhow::Result<(String, KeyKind)> {
    let text =
        Zeroizing::new(fs::read_to_string(path).with_context(|| format!("failed to read the key {}", path.display()))?);
    let key = if text.contains("PRIVATE KEY-----") { load(path, source)?.verifying_key() } else { load_public(path)? };
    Ok((key.keyid(), key.kind()))
}

/// Reads the key that signs a run. Errors are printed and end with exit code 2 before anything is created.
pub fn signing_key(path: &Path, passphrase_file: Option<PathBuf>) -> anyhow::Result<SigningKey> {
    load(path, &PassphraseSource::new(passphrase_file)).map_err(|e| {
        // A wrong passphrase is no reason to replace the key.
        let advice = match path.exists() {
            true => String::new(),
            false => format!("; generate one with: dayfly key generate {}", path.display()),
        };
        usage_error(&format!("{e:#}{advice}")).into()
    })
}

fn with_pub(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}
