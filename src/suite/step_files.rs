//! The files of a suite, on their way to the agent. Pure.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::Digest;
use crate::spec::model::Action;
use crate::spec::span::FieldPath;
use crate::spec::step_files;

/// Adds the contents of the files that a step sends, and the digest of the one that it expects. The error names a file that
/// the plan lacks.
pub(super) fn attach(action: &mut Action, files: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let Action::Http(http) = action else { return Ok(()) };
    let content = |path: &str| files.get(path).ok_or_else(|| format!("the plan has no file `{path}`"));
    let sent = step_files::sent(&FieldPath::root(), http);
    let sent = sent.into_iter().map(|(_, path)| Ok((path.to_owned(), STANDARD.encode(content(path)?))));
    let sent = sent.collect::<Result<_, String>>()?;
    if let Some(path) = &http.expect.file {
        http.expect.sha256 = Some(Digest::compute(content(path)?).hex());
    }
    http.contents = sent;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_step_gets_the_files_that_it_names_and_no_others() {
        let files = [("a.bin", b"a"), ("b.bin", b"b")].map(|(path, bytes)| (path.to_owned(), bytes.to_vec())).into();
        let step = json!({ "http": { "url": "http://web/", "file": "a.bin", "expect": { "file": "b.bin" } } });
        let Ok(mut action) = serde_json::from_value(step) else { unreachable!() };
        assert_eq!(attach(&mut action, &files), Ok(()));
        let Action::Http(http) = &action else { unreachable!() };
        assert_eq!(http.contents, BTreeMap::from([("a.bin".to_owned(), STANDARD.encode("a"))]));
        assert_eq!(http.expect.sha256, Some(Digest::compute("b").hex()));
        assert!(attach(&mut action, &BTreeMap::new()).is_err_and(|why| why.contains("a.bin")));
    }
}
