//! Backing services of a draft.

use super::context::Context;
use super::draft::Backing;
use super::product;
use super::variables::Values;
use crate::spec::backing::KindName;

/// Variables of images that hold the password of a Redis.
const PASSWORDS: [&str; 2] = ["REDIS_PASSWORD", "VALKEY_PASSWORD"];

/// A backing service. `image` is its image as the draft writes it, and as the input does; `words` are those of its command.
pub(super) fn service(
    kind: KindName,
    unit: &str,
    image: (String, &str),
    (variables, words): (&[(String, String)], &[String]),
    cx: &mut Context,
) -> Backing {
    let mut questions = vec![];
    let option = words.iter().position(|word| word == "--requirepass").and_then(|at| words.get(at + 1));
    let variable = variables.iter().find(|(name, _)| PASSWORDS.contains(&name.as_str())).map(|(_, value)| value);
    match option.or(variable).filter(|value| !value.is_empty()) {
        Some(password) => cx.secrets.known(&Values::identity(password), &super::context::password_of(unit)),
        None => questions.push(format!(
            "this {} asks for a password, which addresses in variables contain now: do services read it elsewhere, too?",
            kind.noun()
        )),
    }
    let (written, literal) = image;
    if product::is_bitnami(literal) {
        questions.push("the image must start with the file of its configuration as its only argument, as the official images do: does it?".to_owned());
    }
    cx.backing.insert(unit.to_owned(), kind);
    Backing { kind: kind.noun(), name: unit.to_owned(), image: written, questions, ..Backing::default() }
}
