//! Backing services of a draft.

use super::context::{Context, password_of};
use super::draft::Backing;
use super::product;
use super::variables::Values;
use crate::spec::backing::KindName;
use crate::spec::backing::s3::{ACCESS_KEY, SECRET_KEY};

/// Variables of images that hold the password of a Redis.
const PASSWORDS: [&str; 2] = ["REDIS_PASSWORD", "VALKEY_PASSWORD"];
/// Variables of images that hold the secret key of an S3 server.
const SECRET_KEYS: [&str; 3] = ["MINIO_ROOT_PASSWORD", "MINIO_SECRET_KEY", "RUSTFS_SECRET_KEY"];

/// Variables and the words of the command.
type Settings<'a> = (&'a [(String, String)], &'a [String]);

/// A backing service. `image` is its image as the draft writes it, and as the input does.
pub(super) fn service(
    kind: KindName,
    unit: &str,
    image: (String, &str),
    settings: Settings<'_>,
    cx: &mut Context,
) -> Backing {
    let mut questions = match kind {
        KindName::Redis => redis(unit, settings, cx),
        KindName::S3 => s3(unit, settings, cx),
    };
    let (written, literal) = image;
    if product::is_bitnami(literal) {
        questions
            .push("the image must start as the official ones do, which the reference describes: does it?".to_owned());
    }
    cx.backing.insert(unit.to_owned(), kind);
    Backing { kind: kind.noun(), name: unit.to_owned(), image: written, questions, ..Backing::default() }
}

fn variable<'a>((variables, _): Settings<'a>, names: &[&str]) -> Option<&'a String> {
    let found = variables.iter().find(|(name, _)| names.contains(&name.as_str()));
    found.map(|(_, value)| value).filter(|value| !value.is_empty())
}

fn redis(unit: &str, settings: Settings<'_>, cx: &mut Context) -> Vec<String> {
    let words = settings.1;
    let option = words.iter().position(|word| word == "--requirepass").and_then(|at| words.get(at + 1));
    match option.filter(|value| !value.is_empty()).or_else(|| variable(settings, &PASSWORDS)) {
        Some(password) => {
            cx.secrets.known(&Values::identity(password), &password_of(unit));
            vec![]
        }
        None => vec![
            "this redis asks for a password, which addresses in variables contain now: do services read it elsewhere, too?"
                .to_owned(),
        ],
    }
}

fn s3(unit: &str, settings: Settings<'_>, cx: &mut Context) -> Vec<String> {
    if let Some(value) = variable(settings, &SECRET_KEYS) {
        cx.secrets.known(&Values::identity(value), &format!("{unit}.{SECRET_KEY}"));
    }
    vec![
        "which buckets do services use? List them under `buckets`".to_owned(),
        format!(
            "its access key is generated, too: which variables of services hold it? Write `{unit}.{ACCESS_KEY}` there"
        ),
    ]
}
