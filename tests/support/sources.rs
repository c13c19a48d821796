//! Where images come from, for the stories of both engines.

use serde_json::json;

use super::User;

/// The labels of the image of the service `web`.
pub const LABELS: &str = "LABEL org.opencontainers.image.source=https://git.test/team/web\nLABEL org.opencontainers.image.revision=ABCDEF0123\n";
/// What the requester says of it, in contradiction, and of the service `other`, whose image has no labels.
pub const FLAGS: [&str; 6] = [
    "--commit-of",
    "web=team/web@1111111111111111111111111111111111111111",
    "--commit-of",
    "other=https://user:word@git.test/team/other@4d1f0c2b6a5e4d1f0c2b6a5e4d1f0c2b6a5e4d1f",
    "--with",
    "team/third#12",
];

/// The report, the evidence and every view name each repository and commit, and who says so.
#[track_caller]
pub fn are_named(user: &User, environment: &str, other_name: &str) {
    let folder = user.evidence(environment);
    let folder = folder.to_str().unwrap();
    let verifies =
        |more: &[&str]| user.dayfly(&[&["verify", folder, "--key", "key.pem.pub", "--output", "json"], more].concat());
    let run = verifies(&[]).code(0).json();
    let run = run.get("run").unwrap_or(&run);
    let claim = |name: &str, repository: &str, commit: &str, by: &str| json!({ "name": name, "repository": repository, "commit": commit, "saidBy": by });
    let other = "4d1f0c2b6a5e4d1f0c2b6a5e4d1f0c2b6a5e4d1f";
    let web = "1111111111111111111111111111111111111111";
    let claims = [
        claim(other_name, "https://git.test/team/other", other, "requester"),
        claim("web", "team/web", web, "requester"),
        claim("web", "https://git.test/team/web", "abcdef0123", "image"),
    ];
    assert_eq!(run["sources"], json!(claims), "{run:#}");
    assert_eq!(run["with"], json!([{ "repository": "team/third", "pullRequest": 12 }]));
    verifies(&["--require-commit-of", &format!("{other_name}=team/other@{other}")]).code(0);
    verifies(&["--require-commit-of", &format!("{other_name}=team/other@{web}")])
        .code(10)
        .says("not from team/other at 1111");
    verifies(&["--require-commit-of", &format!("nobody=team/other@{other}")]).code(10).says("did not say");
    verifies(&["--require-commit-of", "web=team/web@1111111"]).code(2).says("is a short commit id");
    let contradicted = verifies(&["--require-commit-of", &format!("web=team/web@{web}")]);
    contradicted.code(10).says("(said by the image), not from team/web");
    for format in ["text", "markdown", "html", "json"] {
        let report = user.dayfly(&["report", folder, "--format", format]).code(0).out;
        for part in ["third", "other", other] {
            assert!(report.contains(part), "{format} without {part}: {report}");
        }
        assert!(format == "json" || report.contains("contradict"), "{format}: {report}");
    }
}
