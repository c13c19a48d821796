//! Products that dayfly runs itself, by the names of their images. Pure.

use crate::spec::backing::KindName;

/// A product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Product {
    /// A database under `databases`.
    PostgreSql,
    /// The broker under `broker`.
    RabbitMq,
    /// A backing service of this kind.
    Backing(KindName),
}

/// The product of an image.
pub(super) fn of(image: &str) -> Option<Product> {
    let path = image.split('@').next().unwrap_or_default();
    let last = path.rsplit('/').next().unwrap_or_default();
    let name = last.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let is = |product: &str| name == product || name.ends_with(&format!("-{product}"));
    if is("postgres") || is("postgresql") || matches!(name.as_str(), "postgis" | "pgvector" | "timescaledb") {
        Some(Product::PostgreSql)
    } else if is("rabbitmq") {
        Some(Product::RabbitMq)
    } else {
        let kinds = KindName::ALL.into_iter();
        kinds.filter(|kind| kind.about().images.iter().any(|image| is(image))).map(Product::Backing).next()
    }
}

/// Returns true for images that read other variables than dayfly sets.
pub(super) fn is_bitnami(image: &str) -> bool {
    image.contains("bitnami")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_usual_images() {
        for image in [
            "postgres:16",
            "docker.io/library/postgres",
            "bitnami/postgresql:15",
            "zulip/zulip-postgresql:14",
            "postgis/postgis@sha256:0",
        ] {
            assert_eq!(of(image), Some(Product::PostgreSql), "{image}");
        }
        assert_eq!(of("rabbitmq:3-management"), Some(Product::RabbitMq));
        for image in ["redis:7", "valkey/valkey:8", "registry.example/shop-redis"] {
            assert_eq!(of(image), Some(Product::Backing(KindName::Redis)), "{image}");
        }
        assert_eq!(of("quay.io/minio/minio:latest"), Some(Product::Backing(KindName::S3)));
        for image in
            ["quay.io/prometheuscommunity/postgres-exporter:1", "postgres/app:1", "oliver006/redis_exporter:v1"]
        {
            assert_eq!(of(image), None, "{image}");
        }
    }
}
