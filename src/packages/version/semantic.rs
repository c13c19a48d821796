//! Semantic versions, with the forms that advisories and Go add. Pure.

/// Parses a semantic version. Missing parts are zero (`1.2` is `1.2.0`), `v` may stand before it, and for Go `go`, with the
/// pre-releases of its standard library (`go1.22rc1`).
pub(super) fn parse(text: &str, is_go: bool) -> Result<semver::Version, String> {
    let plain = text.strip_prefix('v').unwrap_or(text);
    let of_toolchain = plain.strip_prefix("go").filter(|_| is_go).map(toolchain);
    let padded = pad(of_toolchain.as_deref().unwrap_or(plain));
    semver::Version::parse(&padded).map_err(|e| format!("it is not a semantic version ({e})"))
}

/// `1.22rc1` is `1.22.0-rc.1`; `1.22.3 X:boringcrypto` and `1.22.3-custom` keep their number.
fn toolchain(text: &str) -> String {
    let text = text.split([' ', '-']).next().unwrap_or_default();
    let Some(at) = text.find(|c: char| c.is_ascii_alphabetic()) else { return text.to_owned() };
    let (number, pre) = text.split_at(at);
    let digits = pre.find(|c: char| c.is_ascii_digit()).unwrap_or(pre.len());
    let (word, count) = pre.split_at(digits);
    format!("{}-{word}.{count}", pad(number))
}

/// Adds the parts that are missing.
fn pad(text: &str) -> String {
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (core, rest) = text.split_at(end);
    match core.matches('.').count() {
        0 => format!("{core}.0.0{rest}"),
        1 => format!("{core}.0{rest}"),
        _ => text.to_owned(),
    }
}
