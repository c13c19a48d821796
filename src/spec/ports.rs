//! Well-known ports.

/// Port of PostgreSQL.
pub const POSTGRES_PORT: u16 = 5432;
/// Ports of RabbitMQ, plain and with TLS.
pub const AMQP_PORTS: (u16, u16) = (5672, 5671);
