//! The identity token of a CI job.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::error::usage_error;
use super::policy::PolicyArgs;
use super::{DescriptionArgs, description, process_env};
use crate::file::read_regular;
use crate::identity::{self, Claimed, KeyFiles};
use crate::model::Proof;
use crate::policy::Policy;
use crate::report::facts::{Change, Runner};

/// Variable that holds a token; GitLab can set it.
const VARIABLE: &str = "DAYFLY_IDENTITY_TOKEN";
/// Longest token in bytes.
const LONGEST: u64 = 16 << 10;

/// The token of the flag, or of the variable.
pub fn token(file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let Some(file) = file else {
        return Ok(process_env::variables().remove(VARIABLE).filter(|token| !token.trim().is_empty()));
    };
    let failed = |why: String| usage_error(&format!("failed to read --identity-token {}: {why}", file.display()));
    let bytes = read_regular(file, LONGEST).map_err(|e| failed(e.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| failed("it is not text".into()))?;
    Ok(Some(text.trim().to_owned()))
}

/// Verifies the token of the job, if there is one. A token that proves nothing ends with exit code 2.
pub async fn proof(
    file: Option<&Path>,
    description: &DescriptionArgs,
    args: &PolicyArgs,
    policy: &Policy,
    change: &Change,
    runner: &Runner,
) -> anyhow::Result<Option<Proof>> {
    let Some(token) = token(file)? else { return Ok(None) };
    let claimed = Claimed {
        repository: change.repository.as_deref(),
        pr: change.pr,
        commit: &change.commit,
        actor: runner.actor.as_deref(),
    };
    let folder = args.policy.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let of_base = keys_of_base(description, args, policy)?;
    let keys = of_base.as_ref().map_or(KeyFiles::Folder(folder), KeyFiles::Map);
    let proof = identity::by_token(&token, policy, None, &claimed, keys, Timestamp::now()).await;
    proof.map(Some).map_err(|e| usage_error(&format!("failed to {e}")).into())
}

/// The key files beside a policy that is read from the base: the change chooses them no more than the policy. None if the policy
/// is not read from a base.
fn keys_of_base(
    description: &DescriptionArgs,
    args: &PolicyArgs,
    policy: &Policy,
) -> anyhow::Result<Option<BTreeMap<String, Vec<u8>>>> {
    let (Some(file), Some(base)) = (&args.policy, description::base(description)?) else { return Ok(None) };
    if base.inner_path(file).is_none() {
        return Ok(None);
    }
    let names = policy.issuers().iter().map(|i| &i.keys).filter(|keys| !keys.starts_with("https://"));
    let read = |name: &String| {
        let path = base.inner_path(&file.with_file_name(name));
        let path = path.ok_or_else(|| usage_error(&format!("the key file {name} is not inside the base")))?;
        Ok((name.clone(), description::read_base(&base, &path)?.bytes))
    };
    names.map(read).collect::<anyhow::Result<_>>().map(Some)
}
