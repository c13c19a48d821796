//! Databases and the broker of a draft, from the variables of their images.

use super::context::Context;
use super::draft::{Broker, Database};
use super::product;
use super::variables::Values;

/// The role of services, where the input uses the superuser.
const ROLE: &str = "app";

type Variables = [(String, String)];

fn value(variables: &Variables, names: &[&str]) -> Option<String> {
    let found = names.iter().find_map(|name| variables.iter().find(|(known, _)| known == name));
    let found = found.map(|(_, value)| Values::fill(value)).filter(|value| value.open.is_empty());
    found.map(|value| value.literal).filter(|value| !value.is_empty())
}

fn raw(variables: &Variables, names: &[&str]) -> Option<String> {
    let found = names.iter().find_map(|name| variables.iter().find(|(known, _)| known == name));
    found.map(|(_, value)| Values::identity(value))
}

/// A PostgreSQL. `image` is its image as the draft writes it, and as the input does.
pub(super) fn database(unit: &str, image: (String, &str), variables: &Variables, cx: &mut Context) -> Database {
    let mut questions = vec![];
    let user = value(variables, &["POSTGRES_USER", "POSTGRESQL_USERNAME", "POSTGRESQL_USER"]);
    let role = user.as_deref().filter(|user| *user != "postgres").map(sql_name);
    let role = role.unwrap_or_else(|| {
        questions.push(format!("the input names no role, or the superuser, as which services cannot connect; the role is `{ROLE}`: do they use that name?"));
        ROLE.to_owned()
    });
    if let Some(user) = user.filter(|user| *user != "postgres" && *user != role) {
        questions.push(format!("the role `{user}` is called `{role}` here: do services use that name?"));
    }
    let name =
        value(variables, &["POSTGRES_DB", "POSTGRESQL_DATABASE", "POSTGRES_DATABASE"]).map(|name| sql_name(&name));
    let name = name.or_else(|| (role != ROLE).then(|| role.clone()));
    if name.as_deref() == Some("postgres") {
        questions.push("services used the database `postgres`: which is their own?".to_owned());
    }
    if let Some(password) =
        raw(variables, &["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD", "POSTGRESQL_POSTGRES_PASSWORD"])
    {
        cx.secrets.known(&password, &format!("{unit}.{role}"));
    }
    let (written, literal) = image;
    let last = literal.split('@').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    if product::is_bitnami(literal) || last.split(':').next() != Some("postgres") {
        questions.push("the image must read POSTGRES_PASSWORD_FILE, POSTGRES_DB and PGDATA, as the official `postgres` does: does it?".to_owned());
    }
    Database {
        name: unit.to_owned(),
        image: written,
        database: name,
        roles: vec![role],
        questions,
        ..Database::default()
    }
}

/// A RabbitMQ.
pub(super) fn broker(unit: &str, image: String, variables: &Variables, cx: &mut Context) -> Broker {
    let mut questions = vec![];
    let user = value(variables, &["RABBITMQ_DEFAULT_USER", "RABBITMQ_USERNAME"]);
    let legal = |user: &String| {
        user != "guest"
            && user.len() <= 63
            && !user.starts_with('.')
            && user.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let user = user.filter(legal).unwrap_or_else(|| {
        questions.push(format!(
            "the input names no user, or the default one, which is never created; the user is `{ROLE}`: do services use that name?"
        ));
        ROLE.to_owned()
    });
    let password = raw(variables, &["RABBITMQ_DEFAULT_PASS", "RABBITMQ_PASSWORD"]);
    cx.secrets.known(&password.unwrap_or_else(|| "guest".to_owned()), &format!("{unit}.{user}"));
    let vhost = value(variables, &["RABBITMQ_DEFAULT_VHOST", "RABBITMQ_VHOST"]);
    let is_reserved = |name: &str| name.starts_with("amq.") || name.starts_with("dayfly.") || name.contains("{{");
    let is_legal = |name: &str| name.len() <= 200 && !name.chars().any(char::is_control) && !is_reserved(name);
    let vhost = match vhost {
        Some(name) if !is_legal(&name) => {
            questions.push(
                "the virtual host of the input cannot have that name here, and is `/`: do services use it?".to_owned(),
            );
            None
        }
        vhost => vhost,
    };
    Broker {
        name: unit.to_owned(),
        image,
        vhost: vhost.unwrap_or_else(|| "/".to_owned()),
        user,
        questions,
        ..Broker::default()
    }
}

/// A legal name of a role or database.
fn sql_name(text: &str) -> String {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let name: String = text.to_lowercase().chars().map(|c| if legal(c) { c } else { '_' }).take(63).collect();
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') && !name.starts_with("pg_");
    if starts { name } else { format!("{ROLE}_{}", name.chars().take(50).collect::<String>()) }
}
