//! Who shares a network with whom: one network for each pair of caller and callee, so that two callers of the
//! same unit do not see each other, and one for each unit with the agents and suites that judge it.
//!
//! There is no DNS: every container gets hosts entries for what it may call, and nothing else.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::labels;
use crate::lease::Lease;
use crate::plan::{Plan, SuitePlan, Unit};

/// One network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The calling unit; none for the network of the judges.
    pub caller: Option<String>,
    /// The unit that is called.
    pub callee: String,
}

impl Link {
    /// The network's name.
    pub fn name(&self, lease: &Lease) -> String {
        match &self.caller {
            Some(caller) => labels::name(lease, &format!("{caller}.{}", self.callee)),
            None => labels::name(lease, &format!("to.{}", self.callee)),
        }
    }

    fn touches(&self, unit: &str) -> bool {
        self.callee == unit || self.caller.as_deref() == Some(unit)
    }
}

/// An IPv4 subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet {
    /// First address.
    pub base: Ipv4Addr,
    /// Number of fixed bits.
    pub prefix: u8,
}

impl std::str::FromStr for Subnet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} is no IPv4 subnet");
        let (base, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let subnet = Self { base: base.parse().map_err(|_| wrong())?, prefix: prefix.parse().map_err(|_| wrong())? };
        // Room for nine copies above and as many addresses that the engine gives out below.
        if (8..=27).contains(&subnet.prefix) {
            Ok(subnet)
        } else {
            Err(format!("{text} is no IPv4 subnet of at least 32 addresses"))
        }
    }
}

impl Subnet {
    /// Address of the `copy`-th copy (from 1) of the unit that is called here: high, where an engine that counts
    /// up from the bottom does not come.
    pub fn callee(self, copy: u8) -> Ipv4Addr {
        let size = 1u32 << (32 - u32::from(self.prefix));
        let first = if size >= 256 { 240 } else { size / 2 };
        Ipv4Addr::from(u32::from(self.base) + first + u32::from(copy) - 1)
    }
}

/// Subnets by network name.
pub type Subnets = BTreeMap<String, Subnet>;

/// One place of a container in a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The network's name.
    pub network: String,
    /// A fixed address, for those that are called.
    pub address: Option<Ipv4Addr>,
}

/// Every network of an environment.
pub fn of(plan: &Plan) -> Vec<Link> {
    let judges = plan.units.iter().map(|u| Link { caller: None, callee: u.name.clone() });
    let calls = plan.units.iter().flat_map(|callee| {
        let callers = callee.callers.iter().filter(|c| **c != callee.name && plan.unit(c).is_some());
        callers.map(|c| Link { caller: Some(c.clone()), callee: callee.name.clone() })
    });
    judges.chain(calls).collect()
}

/// Where a copy of a unit sits. Fails when a network's subnet is not known.
pub fn unit_seats(lease: &Lease, subnets: &Subnets, unit: &Unit, copy: u8) -> Result<Vec<Attachment>, String> {
    let mine = of(&lease.plan).into_iter().filter(|w| w.touches(&unit.name));
    mine.map(|wire| {
        let network = wire.name(lease);
        let address = if wire.callee == unit.name { Some(subnet(subnets, &network)?.callee(copy)) } else { None };
        Ok(Attachment { network, address })
    })
    .collect()
}

/// Where an agent or a suite that may call these units sits.
pub fn judge_seats(lease: &Lease, callees: &[&Unit]) -> Vec<Attachment> {
    callees
        .iter()
        .map(|u| Attachment { network: Link { caller: None, callee: u.name.clone() }.name(lease), address: None })
        .collect()
}

/// Hosts entries (`name:address`) of a unit: what it may call.
pub fn unit_hosts(lease: &Lease, subnets: &Subnets, unit: &str) -> Result<Vec<String>, String> {
    hosts(lease, subnets, lease.plan.reachable_by(unit).filter(|u| u.name != unit), Some(unit))
}

/// Hosts entries of an agent or a suite that may call these units.
pub fn judge_hosts(lease: &Lease, subnets: &Subnets, callees: &[&Unit]) -> Result<Vec<String>, String> {
    hosts(lease, subnets, callees.iter().copied(), None)
}

fn hosts<'a>(
    lease: &Lease,
    subnets: &Subnets,
    callees: impl Iterator<Item = &'a Unit>,
    caller: Option<&str>,
) -> Result<Vec<String>, String> {
    let mut entries = vec![];
    for callee in callees {
        let wire = Link { caller: caller.map(str::to_owned), callee: callee.name.clone() };
        let subnet = subnet(subnets, &wire.name(lease))?;
        for copy in 1..=callee.replicas.max(1) {
            entries
                .extend(names(&callee.name, &lease.environment).map(|name| format!("{name}:{}", subnet.callee(copy))));
        }
    }
    Ok(entries)
}

/// The short name, and those by which the same service is known in a cluster.
pub fn names(unit: &str, environment: &str) -> [String; 4] {
    [
        unit.to_owned(),
        format!("{unit}.{environment}"),
        format!("{unit}.{environment}.svc"),
        format!("{unit}.{environment}.svc.cluster.local"),
    ]
}

fn subnet(subnets: &Subnets, network: &str) -> Result<Subnet, String> {
    subnets.get(network).copied().ok_or_else(|| format!("network {network} is missing"))
}

/// Units that a suite may call.
pub fn suite_callees<'a>(plan: &'a Plan, suite: &SuitePlan) -> Vec<&'a Unit> {
    plan.units.iter().filter(|u| u.callers.contains(&suite.name) || suite.needs.contains(&u.name)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::sample;
    use super::*;

    #[test]
    fn callers_of_the_same_unit_share_no_network() {
        let lease = sample::lease();
        let names: Vec<String> = of(&lease.plan).iter().map(|w| w.name(&lease)).collect();
        assert_eq!(names, ["to.db", "to.api", "to.job", "api.db", "job.db"].map(|n| format!("e-pr-1-deadbeef-{n}")));
        let seats = |unit: &str| -> Vec<String> {
            unit_seats(&lease, &sample::subnets(&lease), lease.plan.unit(unit).unwrap(), 1)
                .unwrap()
                .into_iter()
                .map(|s| s.network)
                .collect()
        };
        assert!(seats("api").iter().all(|n| !seats("job").contains(n)));
    }

    #[test]
    fn a_unit_has_hosts_entries_for_what_it_may_call_and_for_nothing_else() {
        let lease = sample::lease();
        let subnets = sample::subnets(&lease);
        let entries = unit_hosts(&lease, &subnets, "job").unwrap();
        assert_eq!(
            entries,
            [
                "db:10.0.4.240",
                "db.e-pr-1:10.0.4.240",
                "db.e-pr-1.svc:10.0.4.240",
                "db.e-pr-1.svc.cluster.local:10.0.4.240"
            ]
        );
        assert_eq!(unit_hosts(&lease, &subnets, "db").unwrap(), [""; 0]);
        let judge = judge_hosts(&lease, &subnets, &[lease.plan.unit("api").unwrap()]).unwrap();
        assert!(
            judge.contains(&"api:10.0.1.240".to_owned())
                && judge.contains(&"api:10.0.1.241".to_owned())
                && judge.len() == 8,
            "{judge:?}"
        );
    }

    #[test]
    fn a_missing_network_is_named_instead_of_leaving_a_name_out() {
        let lease = sample::lease();
        assert_eq!(
            unit_hosts(&lease, &Subnets::new(), "job").unwrap_err(),
            "network e-pr-1-deadbeef-job.db is missing"
        );
    }

    #[test]
    fn callees_sit_above_what_an_engine_gives_out_in_large_and_small_subnets() {
        let at = |text: &str, copy| text.parse::<Subnet>().unwrap().callee(copy).to_string();
        assert_eq!((at("10.89.3.0/24", 1), at("10.89.3.0/24", 9)), ("10.89.3.240".into(), "10.89.3.248".into()));
        assert_eq!((at("10.213.0.32/27", 1), at("10.213.0.32/27", 9)), ("10.213.0.48".into(), "10.213.0.56".into()));
        assert!("10.0.0.0/28".parse::<Subnet>().is_err() && "fd00::/64".parse::<Subnet>().is_err());
    }
}
