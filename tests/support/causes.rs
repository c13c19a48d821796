//! Breaks of the shop, each with the cause that its report must name; the stories of both engines share them.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{User, repository};

/// One way to break a copy of the shop.
pub struct Breakage {
    /// Ends the name of the environment.
    pub name: &'static str,
    /// Replacements in the files beside the description: file, text, other text.
    replace: &'static [(&'static str, &'static str, &'static str)],
    /// A value of the description; a place is a JSON pointer.
    set: Option<(&'static str, Value)>,
    /// The likely cause, or a part of it.
    likely: &'static str,
    /// Text of a log line that must stand beside the case.
    line: &'static str,
}

const NONE: Breakage = Breakage { name: "", replace: &[], set: None, likely: "", line: "" };

/// A right at the broker is missing.
pub fn broker_right() -> Breakage {
    let set = Some(("/broker/users/front/permissions/shop/write", json!("^$")));
    let likely = "mq refused front: write access to exchange orders in vhost shop";
    Breakage { name: "right", set, likely, line: "refused for user 'front'", ..NONE }
}

/// The worker logs in to the broker with a wrong password.
pub fn broker_password() -> Breakage {
    let replace = &[("worker.py", "secret(\"mq.worker\")", "\"not the password\"")];
    Breakage { name: "login", replace, likely: "mq refused worker: invalid credentials", line: "worker", ..NONE }
}

/// The worker may not call the broker.
pub fn missing_need() -> Breakage {
    let set = Some(("/services/worker/needs", json!(["pg", "store"])));
    let likely = "worker cannot reach mq: it may not call it; add mq to the `needs` of worker";
    Breakage { name: "need", set, likely, line: "cannot work", ..NONE }
}

/// The worker logs in to the database with a wrong password.
pub fn database_password() -> Breakage {
    let replace = &[("worker.py", "secret(\"pg.worker\")", "\"not the password\"")];
    let likely = "pg refused user worker: password authentication failed";
    Breakage { name: "dbpass", replace, likely, line: "FATAL:  password authentication failed", ..NONE }
}

/// A right in the database is missing.
pub fn database_right() -> Breakage {
    let replace = &[("schema.sql", "GRANT SELECT, INSERT ON orders TO worker", "GRANT SELECT ON orders TO worker")];
    let likely = "pg refused a role: permission denied for table orders";
    Breakage { name: "dbright", replace, likely, line: "permission denied for table orders", ..NONE }
}

/// The front logs in to the cache with a wrong password.
pub fn cache_password() -> Breakage {
    let replace = &[("front.py", "secret(\"cache.front\")", "\"not the password\"")];
    let likely = "cache refused front: wrong password";
    Breakage { name: "cachepass", replace, likely, line: "invalid username-password pair", ..NONE }
}

/// The front may not call the cache.
pub fn cache_need() -> Breakage {
    let set = Some(("/services/front/needs", json!(["mq", "pg"])));
    let likely = "front cannot reach cache: it may not call it; add cache to the `needs` of front";
    Breakage { name: "cacheneed", set, likely, line: "cache:6379", ..NONE }
}

/// A right at the cache is missing.
pub fn cache_right() -> Breakage {
    let set = Some(("/redis/cache/users/front/keys", json!(["orders:*"])));
    let likely = "cache refused front: the user lacks the right";
    Breakage { name: "cacheright", set, likely, line: "/orders failed", ..NONE }
}

/// The worker signs its requests to the store with a wrong key.
pub fn store_key() -> Breakage {
    let replace = &[("worker.py", "secret(\"store.aws_secret_key\")", "\"not the key\"")];
    Breakage {
        name: "storekey",
        replace,
        likely: "store refused worker: wrong secret key",
        line: "cannot work",
        ..NONE
    }
}

/// The bucket of the slips is not declared.
pub fn store_bucket() -> Breakage {
    let set = Some(("/s3/store/buckets", json!(["others"])));
    let likely = "store refused worker: there is no such bucket";
    Breakage { name: "bucket", set, likely, line: "NoSuchBucket", ..NONE }
}

/// The worker's program has a fault, and ends at the first order.
pub fn fault() -> Breakage {
    let replace = &[("worker.py", "order[\"article\"]", "order[\"artikel\"]")];
    Breakage { name: "fault", replace, likely: "KeyError: 'artikel'", line: "KeyError: 'artikel'", ..NONE }
}

/// The shop as it is: every suite passes.
pub fn unbroken_shop_passes(user: &User, prefix: &str) {
    let file = copy(user, &NONE, &format!("{prefix}-whole"));
    user.owns(&format!("{prefix}-whole-pr-1"));
    user.runs(&file, "1", &[]).code(0).says("PASSED");
}

/// Runs the broken shop: its report names the cause beside the case that fails.
pub fn report_names_the_cause(user: &User, prefix: &str, breakage: &Breakage) {
    let name = format!("{prefix}-{}", breakage.name);
    let file = copy(user, breakage, &name);
    user.owns(&format!("{name}-pr-1"));
    let ended = user.runs(&file, "1", &["--suite", "orders"]).code(5);
    let report = user.report(&format!("{name}-pr-1"));
    let case = &report["suites"][0]["cases"][0];
    let clues = &case["clues"];
    assert_eq!(case["verdict"], "failed", "{case:#}");
    assert!(clues["likelyCause"].as_str().is_some_and(|cause| cause.contains(breakage.likely)), "{case:#}");
    let lines = clues["lines"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["text"].as_str().unwrap().contains(breakage.line)), "{case:#}");
    assert!(lines.len() <= 12, "{lines:#?}");
    // Who watches the run learns it too, and so does who reads any other format.
    assert!(ended.err.contains(breakage.likely), "{ended:?}");
    let folder = user.evidence(&format!("{name}-pr-1"));
    for format in ["text", "markdown", "html", "junit"] {
        let view = user.dayfly(&["report", folder.to_str().unwrap(), "--format", format]).code(0).out;
        let view = view.replace("&#x27;", "'").replace("&apos;", "'").replace("&#39;", "'").replace("&#x60;", "`");
        let plain = |text: &str| text.replace(['\\', '`'], "");
        assert!(plain(&view).contains(&plain(breakage.likely)), "{format}: {view}");
    }
    // The whole log is in a file that the reports name.
    let log = report["traces"].as_array().unwrap().iter().find(|file| file["name"] == "worker.log").unwrap();
    assert!(folder.join("raw").join(log["sha256"].as_str().unwrap()).is_file(), "{log}");
}

/// Writes a copy of the shop, broken; gives the path of its description.
fn copy(user: &User, breakage: &Breakage, name: &str) -> String {
    let folder: PathBuf = user.folder.path().join(name);
    std::fs::create_dir(&folder).unwrap();
    for entry in std::fs::read_dir(repository().join("environments/shop")).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    for (file, from, to) in breakage.replace {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} does not contain {from:?}");
        std::fs::write(path, text.replacen(from, to, 1)).unwrap();
    }
    let file = folder.join("environment.yaml");
    let mut description: Value = serde_yaml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    description["name"] = json!(name);
    if let Some((place, value)) = &breakage.set {
        let (parent, key) = place.rsplit_once('/').unwrap();
        let parent = description.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        parent.insert(key.into(), value.clone());
    }
    std::fs::write(&file, serde_json::to_string_pretty(&description).unwrap()).unwrap();
    file.to_str().unwrap().to_owned()
}
