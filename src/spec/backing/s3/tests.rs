#![allow(clippy::unwrap_used)]
use super::*;
use serde_json::json;

#[test]
fn names_of_buckets_are_those_of_every_server() {
    for good in ["uploads", "a.b-c", "0ab"] {
        assert!(is_bucket(good), "{good}");
    }
    for bad in ["ab", "Uploads", "-ab", "ab-", "a..b", "a_b", "10.0.0.1", "a/b", ""] {
        assert!(!is_bucket(bad), "{bad}");
    }
}

#[test]
fn a_server_gets_its_keys_as_files_and_what_is_declared_counts() {
    let s3: S3 = serde_json::from_value(json!({ "port": 8080, "env": { "HOME": "/data" } })).unwrap();
    let profile = s3.profile("store");
    assert_eq!(profile.env["MINIO_ROOT_USER_FILE"], "/run/secrets/store.aws_access_key_id");
    assert_eq!((profile.env["HOME"].as_str(), profile.port), ("/data", 8080));
    assert_eq!(profile.args, ["server", "/data"]);
}
