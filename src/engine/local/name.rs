//! Names of short-lived containers.

/// Returns a short unique suffix.
pub fn unique_suffix() -> String {
    let id = uuid::Uuid::now_v7().simple().to_string();
    id[id.len() - 12..].to_owned()
}
