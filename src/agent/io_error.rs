//! Text of input and output errors.

/// Returns the kind of an error without the operating system's number.
pub(super) fn text(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_lowercase(),
        None => text,
    }
}
