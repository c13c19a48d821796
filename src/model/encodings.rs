//! The forms that encoders give a value: base64, hexadecimal, percent-encoding, and the escapes of JSON, HTML and XML. Pure.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::hex;

/// One way to escape characters: those to escape, and what each becomes.
type Escape = (fn(char) -> bool, fn(char) -> String);

/// Encoders escape what they must, or every character. Each mixture of the two would be a form of its own.
const ESCAPES: [Escape; 23] = [
    // Percent-encoding; forms write a space as `+`.
    (reserved, |c| percent(c, true)),
    (reserved, |c| percent(c, false)),
    (reserved, |c| if c == ' ' { "+".to_owned() } else { percent(c, true) }),
    (reserved, |c| if c == ' ' { "+".to_owned() } else { percent(c, false) }),
    (any, |c| percent(c, true)),
    (any, |c| percent(c, false)),
    // JSON: the least, with slashes (PHP), and with everything that HTML or XML could read (.NET, Go).
    (|c| json_special(c), json),
    (|c| json_special(c) || c == '/', |c| if c == '/' { "\\/".to_owned() } else { json(c) }),
    (|c| json_special(c) || "<>&'+".contains(c), |c| if c.is_control() { json(c) } else { unicode(c, true) }),
    (|c| json_special(c) || "<>&'+".contains(c), |c| if c.is_control() { json(c) } else { unicode(c, false) }),
    (any, |c| unicode(c, true)),
    (any, |c| unicode(c, false)),
    // HTML and XML: the least, with quotes in each way, line ends of attributes, and what template engines add.
    (|c| "<>&".contains(c), named),
    (|c| "<>&\"".contains(c), named),
    (|c| "<>&\"'".contains(c), named),
    (|c| "<>&\"'".contains(c), |c| if c == '\'' { "&apos;".to_owned() } else { named(c) }),
    (|c| "<>&\"'\n\r\t".contains(c), named),
    (|c| "<>&\"'+".contains(c), |c| if c == '"' { "&#34;".to_owned() } else { named(c) }),
    (|c| "<>&\"'/".contains(c), |c| if "'/".contains(c) { hexadecimal(c) } else { named(c) }),
    (|c| "<>&\"'=`".contains(c), |c| if "'=`".contains(c) { hexadecimal(c) } else { named(c) }),
    (any, |c| format!("&#{};", u32::from(c))),
    (any, |c| format!("&#x{:x};", u32::from(c))),
    (any, hexadecimal),
];

/// Returns the value itself and its encoded forms. None is shorter than the value, so that none occurs by chance more
/// often than the value does.
pub(super) fn forms(value: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::from([value.to_vec()]);
    let digits = hex(value);
    forms.insert(digits.to_ascii_uppercase().into_bytes());
    forms.insert(digits.into_bytes());
    for before in 0..3 {
        forms.insert(base64_inside(&STANDARD_NO_PAD, before, value));
        forms.insert(base64_inside(&URL_SAFE_NO_PAD, before, value));
    }
    if let Ok(text) = std::str::from_utf8(value) {
        let escaped = |(special, escape): &Escape| {
            text.chars().map(|c| if special(c) { escape(c) } else { c.to_string() }).collect::<String>().into_bytes()
        };
        forms.extend(ESCAPES.iter().map(escaped));
    }
    forms
}

/// The characters that the value alone decides when so many bytes (up to two) stand before it in the encoded text.
fn base64_inside(alphabet: &impl Engine, before: usize, value: &[u8]) -> Vec<u8> {
    let text = alphabet.encode([&vec![0; before], value].concat());
    // The first and the last character may hold bits of a neighbour.
    let begin = (before * 8).div_ceil(6);
    let end = (before + value.len()) * 8 / 6;
    text.as_bytes().get(begin..end).unwrap_or_default().to_vec()
}

fn any(_: char) -> bool {
    true
}

fn reserved(c: char) -> bool {
    !(c.is_ascii_alphanumeric() || "-._~".contains(c))
}

fn percent(c: char, upper: bool) -> String {
    let byte = |b: u8| if upper { format!("%{b:02X}") } else { format!("%{b:02x}") };
    c.encode_utf8(&mut [0; 4]).bytes().map(byte).collect()
}

fn json_special(c: char) -> bool {
    c.is_control() || c == '"' || c == '\\'
}

fn json(c: char) -> String {
    let quoted = serde_json::Value::from(c.to_string()).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn unicode(c: char, upper: bool) -> String {
    let unit = |u: &mut u16| if upper { format!("\\u{u:04X}") } else { format!("\\u{u:04x}") };
    c.encode_utf16(&mut [0; 2]).iter_mut().map(unit).collect()
}

fn hexadecimal(c: char) -> String {
    format!("&#x{:X};", u32::from(c))
}

fn named(c: char) -> String {
    match c {
        '<' => "&lt;".into(),
        '>' => "&gt;".into(),
        '&' => "&amp;".into(),
        '"' => "&quot;".into(),
        _ => format!("&#{};", u32::from(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(value: &str, form: &str) -> bool {
        forms(value.as_bytes()).contains(form.as_bytes())
    }

    #[test]
    fn knows_the_forms_that_encoders_write() {
        for form in [
            "pass/w+rd \"1\"",
            "pass%2Fw%2Brd%20%221%22",
            "pass%2fw%2brd+%221%22",
            "pass\\/w+rd \\\"1\\\"",
            "pass/w\\u002Brd \\u00221\\u0022",
            "pass/w+rd &quot;1&quot;",
            "pass/w&#43;rd &#34;1&#34;",
            "pass&#x2F;w+rd &quot;1&quot;",
        ] {
            assert!(has("pass/w+rd \"1\"", form), "{form}");
        }
        assert!(has("pass", "%70%61%73%73") && has("pass", "\\u0070\\u0061\\u0073\\u0073"));
        assert!(has("pass", "&#112;&#97;&#115;&#115;") && has("pass", "&#x70;&#x61;&#x73;&#x73;"));
        assert!(has("pass", "70617373") && has("~pass", "7E70617373"));
        assert!(has("two\nlines", "two\\nlines") && has("two\nlines", "two&#10;lines") && has("a\"b", "a\\\"b"));
    }

    #[test]
    fn base64_is_known_wherever_the_value_stands_in_the_encoded_text() {
        for before in 0..6 {
            for after in 0..4 {
                let text = format!("{}>>secret??value{}", "x".repeat(before), "y".repeat(after));
                for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                    let known = forms(b">>secret??value");
                    let found = known.iter().any(|form| encoded.contains(str::from_utf8(form).unwrap_or("\0")));
                    assert!(found, "{encoded}");
                }
            }
        }
    }

    #[test]
    fn no_form_is_shorter_than_the_value() {
        for value in ["abcdefgh", "ab\"de\nfgh", "äöüß/+ =", "abcdefghi", "abcdefghij"] {
            assert!(forms(value.as_bytes()).iter().all(|form| form.len() >= value.len()), "{value}");
        }
    }
}
