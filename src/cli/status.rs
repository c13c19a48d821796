//! `dayfly status`: prints an environment, its services and their callers.

use jiff::Timestamp;

use super::error::engine_error;
use super::{Common, EnvironmentArgs, Output, environment, list, stdio, target};
use crate::engine::{ObservedEnvironment, UNKNOWN_CODE, UnitState};
use crate::report::exit_code;

/// Prints the state of an environment.
pub async fn run(args: EnvironmentArgs, common: &Common) -> anyhow::Result<u8> {
    let name = environment::name(&args)?;
    let engine = target::engine(common).await?;
    let Some(observed) = engine.observe(&name).await.map_err(|e| engine_error(common, &e))? else {
        anyhow::bail!(environment::not_found_error(&name, engine.as_ref(), common).await);
    };
    if common.output == Output::Json {
        outln!("{}", serde_json::to_string_pretty(&list::json(&observed, Timestamp::now()))?);
    } else {
        stdio::out(&text(&observed, Timestamp::now()));
    }
    Ok(exit_code::PASSED)
}

fn text(o: &ObservedEnvironment, now: Timestamp) -> String {
    let (Some(lease), Some(retention)) = (&o.lease, &o.retention) else {
        if o.unreadable_lease {
            return format!(
                "{} was created by another version of dayfly, and its lease cannot be read; use that version, or remove it with `dayfly down {}`\n",
                o.environment, o.environment
            );
        }
        let objects: Vec<_> = o.objects.iter().map(|x| format!("  {x}\n")).collect();
        return format!(
            "{} has no owner: these are remnants; remove them with `dayfly down {}`\n{}",
            o.environment,
            o.environment,
            objects.concat()
        );
    };
    let kept =
        retention.kept().map(|r| format!("kept: {r}; release it with `dayfly keep {} --release`\n", o.environment));
    let owner = lease.owner.as_ref().map(|owner| format!("owner: {owner}\n"));
    let head = format!(
        "{}  pull request {}, commit {}, run {}\n{}up for {}, used {}, expires {}\n{}\n",
        o.environment,
        lease.plan.pr,
        list::commit(&lease.commit),
        lease.run,
        owner.unwrap_or_default(),
        list::age(now, lease.created),
        list::ago(now, retention.used),
        if o.terminating { "now: it is being removed".into() } else { list::expiry(now, retention.expires) },
        kept.unwrap_or_default()
    );
    let rows: Vec<[String; 5]> = lease
        .plan
        .units
        .iter()
        .map(|u| {
            let ports = u.open_ports().into_iter().map(|port| u.port_text(port)).collect::<Vec<_>>().join(", ");
            let port = if ports.is_empty() { "-".into() } else { ports };
            let callers = u.callers.iter().map(|caller| u.caller_text(caller)).collect::<Vec<_>>().join(", ");
            [
                u.name.clone(),
                state(o.units.get(&u.name), u.start_late),
                port,
                if callers.is_empty() { "nobody".into() } else { callers },
                u.image.clone(),
            ]
        })
        .collect();
    head + &list::table(&["SERVICE", "STATE", "PORT", "REACHED BY", "IMAGE"], &rows)
}

fn state(state: Option<&UnitState>, late: bool) -> String {
    match state {
        Some(UnitState::Running) => "running".into(),
        Some(UnitState::Created) if late => "waiting for a suite to start it".into(),
        Some(UnitState::Created) => "not started".into(),
        Some(UnitState::Exited { oom_killed: true, .. }) => "OOM-killed".into(),
        Some(UnitState::Exited { code: UNKNOWN_CODE, .. }) => "ended".into(),
        Some(UnitState::Exited { code, .. }) => format!("ended with exit code {code}"),
        None => "missing".into(),
    }
}
