//! The passphrase of a signing key: from a file, the environment or the terminal.

use std::fs;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use pkcs8::der::zeroize::Zeroizing;

/// The variable that holds the passphrase.
pub const PASSPHRASE_VARIABLE: &str = "DAYFLY_KEY_PASSPHRASE";

/// Sources of a passphrase, in order of precedence: a file, the environment, the terminal.
#[derive(Default)]
pub struct PassphraseSource {
    /// `--passphrase-file`; its first line counts.
    pub file: Option<PathBuf>,
    /// The value of `DAYFLY_KEY_PASSPHRASE`.
    pub variable: Option<Zeroizing<String>>,
}

impl PassphraseSource {
    /// Takes the flag and the process environment.
    pub fn new(file: Option<PathBuf>) -> Self {
        let variable = std::env::var(PASSPHRASE_VARIABLE).ok().filter(|v| !v.is_empty()).map(Zeroizing::new);
        Self { file, variable }
    }

    /// The passphrase from the file or the environment, if there is one.
    pub fn given(&self) -> anyhow::Result<Option<Zeroizing<String>>> {
        let Some(file) = &self.file else { return Ok(self.variable.clone()) };
        let text = Zeroizing::new(
            fs::read_to_string(file)
                .with_context(|| format!("failed to read the passphrase file {}", file.display()))?,
        );
        match text.lines().next() {
            Some(line) if !line.is_empty() => Ok(Some(Zeroizing::new(line.to_owned()))),
            _ => bail!("failed to read the passphrase file {}: its first line is empty", file.display()),
        }
    }

    /// Asks twice for the passphrase of a new key; an empty answer means none.
    pub fn choose(&self) -> anyhow::Result<Option<Zeroizing<String>>> {
        if let Some(given) = self.given()? {
            return Ok(Some(given));
        }
        let first = ask("Passphrase for the new key (empty for none): ")?;
        if first.is_empty() {
            return Ok(None);
        }
        if *ask("Repeat the passphrase: ")? != *first {
            bail!("failed to generate a key: the passphrases differ");
        }
        Ok(Some(first))
    }
}

/// Asks on the terminal, without echo.
pub fn ask(prompt: &str) -> anyhow::Result<Zeroizing<String>> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "failed to ask for the passphrase: there is no terminal; give --passphrase-file or set {PASSPHRASE_VARIABLE}"
        );
    }
    rpassword::prompt_password(prompt).map(Zeroizing::new).context("failed to ask for the passphrase")
}
