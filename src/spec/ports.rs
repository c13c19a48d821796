//! Well-known ports and variables of the servers that dayfly configures.

/// Port of PostgreSQL.
pub const POSTGRES_PORT: u16 = 5432;
/// Ports of RabbitMQ, plain and with TLS.
pub const AMQP_PORTS: (u16, u16) = (5672, 5671);
/// Variables of a database that dayfly sets, or that would set a password.
pub const DATABASE_ENV: [&str; 5] =
    ["POSTGRES_PASSWORD_FILE", "POSTGRES_PASSWORD", "POSTGRES_DB", "POSTGRES_USER", "PGDATA"];
/// Variables of the broker that dayfly sets, or that would set a password.
pub const BROKER_ENV: [&str; 4] =
    ["RABBITMQ_CONFIG_FILE", "RABBITMQ_CONFIG_FILES", "RABBITMQ_DEFAULT_USER", "RABBITMQ_DEFAULT_PASS"];
