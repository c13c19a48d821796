//! Lines of a requirements file that are an option. Pure.

/// Options with their short names, and whether they have a value.
const OPTIONS: [(&str, &str, bool); 14] = [
    ("-r", "--requirement", true),
    ("-e", "--editable", true),
    ("-c", "--constraint", true),
    ("-i", "--index-url", true),
    ("", "--extra-index-url", true),
    ("", "--no-index", false),
    ("-f", "--find-links", true),
    ("", "--pre", false),
    ("", "--prefer-binary", false),
    ("", "--no-binary", true),
    ("", "--only-binary", true),
    ("", "--require-hashes", false),
    ("", "--trusted-host", true),
    ("", "--use-feature", true),
];

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// To read another file.
    Include(&'a str),
    /// To install a folder, or from an address.
    Editable(&'a str),
    /// Nothing to be installed.
    Setting,
}

/// The meaning of a line that begins with `-`; none if it is not certain. pip also takes the beginning of an option for the option,
/// several of them in one line, and values with quotes.
pub(super) fn line(code: &str) -> Option<Line<'_>> {
    OPTIONS.iter().find_map(|(short, long, has_value)| {
        let value = match code.strip_prefix(long) {
            Some("") => "",
            Some(rest) => rest.strip_prefix('=').or_else(|| rest.strip_prefix([' ', '\t']).map(str::trim_start))?,
            None if short.is_empty() => return None,
            None => code.strip_prefix(short)?.trim_start(),
        };
        let is_word = !value.is_empty() && !value.contains(char::is_whitespace) && !value.contains(['\'', '"', '\\']);
        if is_word != *has_value || (!has_value && !value.is_empty()) {
            return None;
        }
        Some(match *long {
            // Variables of pip's environment, and addresses, could name something else than a file.
            "--requirement" if value.contains("${") => return None,
            "--requirement" => Line::Include(value),
            "--editable" => Line::Editable(value),
            _ => Line::Setting,
        })
    })
}
