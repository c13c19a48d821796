//! `dayfly render`: prints the Kubernetes objects that `up` creates, as YAML or JSON for kubectl.
//!
//! Secrets are generated anew. Service addresses, which only the cluster can assign, are placeholders.

use std::collections::BTreeMap;

use clap::Args;

use super::error::usage_error;
use super::policy::PolicyCheckArgs;
use super::wanted::Wanted;
use super::{Common, DescriptionArgs, Output, description, request, stdio, target};
use crate::lease::Lease;
use crate::model::sanitize;
use crate::plan::Position;
use crate::render::kubernetes::{Addresses, Object, RenderError, RenderInput, environment, prepare, test_pods, unit};
use crate::report::exit_code;
use crate::secrets::Secrets;

/// Placeholder addresses, reserved for documentation (RFC 5737).
const STAND_IN: &str = "198.51.100";

/// Arguments of `render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    #[command(flatten)]
    description: DescriptionArgs,
    #[command(flatten)]
    policy: PolicyCheckArgs,
    /// Pull request number
    #[arg(long, value_name = "NUMBER")]
    pr: u32,
}

impl RenderArgs {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        self.description.wants(wanted);
        self.policy.wants(wanted);
    }
}

/// Prints the objects in creation order.
pub fn run(args: RenderArgs, common: &Common) -> anyhow::Result<u8> {
    let overrides = description::overrides(&args.description, None);
    let json = common.output == Output::Json;
    let valid = args.policy.load_description(&args.description, &overrides, json)?;
    let plan = description::plan(&valid, args.pr)?;
    let lease = request::new_lease(plan, "")?;
    let secrets = crate::secrets::generate(&lease.plan, None)?;
    let templates = target::templates(common)?;
    let pull_secret = target::pull_secret(common)?;
    let input = RenderInput {
        lease: &lease,
        templates: &templates,
        images: &BTreeMap::new(),
        agent_image: &common.cluster.agent_image,
        pull_secret: pull_secret.is_some(),
    };
    let objects = objects(&input, &lease, &secrets, pull_secret.as_deref())
        .map_err(|e| usage_error(&format!("failed to {e}")))?;
    print(&objects, common.output)?;
    Ok(exit_code::PASSED)
}

fn objects(
    input: &RenderInput<'_>,
    lease: &Lease,
    secrets: &Secrets,
    pull_secret: Option<&str>,
) -> Result<Vec<Object>, RenderError> {
    let mut all = vec![environment::namespace(input)?];
    all.extend(prepare::objects(input, secrets, pull_secret)?);
    let with_address = lease.plan.units.iter().filter(|u| !u.open_ports().is_empty());
    let addresses: Addresses = with_address
        .zip(0..)
        .map(|(u, n): (_, u32)| (u.name.clone(), vec![format!("{STAND_IN}.{}", n % 254 + 1)]))
        .collect();
    for planned in lease.plan.units.iter().filter(|u| !u.start_late) {
        for copy in 1..=planned.replicas.max(1) {
            all.push(unit::pod(input, planned, copy, &addresses, secrets)?);
        }
    }
    all.extend(test_pods::agent(input, &Position::Control, &addresses)?);
    Ok(all)
}

fn print(objects: &[Object], output: Output) -> anyhow::Result<()> {
    let mut text;
    if output == Output::Json {
        let items: Vec<_> = objects.iter().map(|o| &o.value).collect();
        text = serde_json::to_string_pretty(&serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items}))?;
        text.push('\n');
    } else {
        text = format!(
            "# {STAND_IN}.x stand for the addresses that the cluster gives to pods and Services; `dayfly up` fills them in.\n"
        );
        for object in objects {
            let yaml = serde_yaml::to_string(&object.value)?;
            // Escapes have a meaning in JSON, which is YAML too, and not in every YAML scalar.
            let inert =
                if sanitize::inert(&yaml) == yaml { yaml } else { serde_json::to_string_pretty(&object.value)? };
            text += &format!("---\n{}\n", inert.trim_end());
        }
    }
    stdio::out(&text);
    Ok(())
}
