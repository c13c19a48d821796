//! The process environment.

use std::collections::BTreeMap;

/// Every variable whose name and value are valid UTF-8.
pub fn variables() -> BTreeMap<String, String> {
    std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect()
}
