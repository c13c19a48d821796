//! Images of other products under `databases` and `broker`: a name proves nothing, but says what was probably meant.

use super::super::context::Checker;
use crate::model::ImageRef;
use crate::spec::backing::KindName;
use crate::spec::span::FieldPath;

/// Names of databases that do not speak PostgreSQL's protocol or do not read its variables.
const OTHER_DATABASES: [&str; 14] = [
    "mysql",
    "mariadb",
    "percona",
    "mongo",
    "mongodb",
    "redis",
    "valkey",
    "cassandra",
    "clickhouse",
    "cockroach",
    "elasticsearch",
    "mssql",
    "oracle",
    "sqlserver",
];
/// Names of brokers other than RabbitMQ.
const OTHER_BROKERS: [&str; 8] = ["activemq", "artemis", "kafka", "mosquitto", "nats", "pulsar", "redis", "redpanda"];

pub(super) fn check(check: &mut Checker<'_>) {
    let root = FieldPath::root();
    for (name, database) in &check.environment.databases {
        if let Some(other) = product(&database.image, &OTHER_DATABASES) {
            let message = format!("the image `{}` looks like {other}, but databases are PostgreSQL", database.image);
            let kind = KindName::ALL.into_iter().find(|kind| kind.about().images.contains(&other));
            let section = kind.map_or("services", KindName::noun);
            let help = format!("name an image of PostgreSQL, or declare another database under `{section}`");
            check.diagnostics.warn(&root.key("databases").key(name).key("image"), message, help);
        }
    }
    if let Some(broker) = &check.environment.broker
        && let Some(other) = product(&broker.image, &OTHER_BROKERS)
    {
        let message = format!("the image `{}` looks like {other}, but the broker is a RabbitMQ", broker.image);
        let help = "name an image of RabbitMQ, or declare another broker under `services`";
        check.diagnostics.warn(&root.key("broker").key("image"), message, help);
    }
}

/// The product that the last part of an image's name contains as a word.
fn product(image: &str, products: &[&'static str]) -> Option<&'static str> {
    let image = ImageRef::split(image);
    let name = image.name().rsplit('/').next().unwrap_or_default().to_lowercase();
    let mut words = name.split(['-', '_', '.']);
    words.find_map(|word| products.iter().find(|p| **p == word).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_of_the_last_part_name_a_product() {
        assert_eq!(product("registry.test/redis/mysql-server:8", &OTHER_DATABASES), Some("mysql"));
        assert_eq!(product("mariadb@sha256:00", &OTHER_DATABASES), Some("mariadb"));
        assert_eq!(product("mysql.test/postgres:17", &OTHER_DATABASES), None);
        assert_eq!(product("localhost/shop/mysqlish:1", &OTHER_DATABASES), None);
    }
}
