//! Networks: one for each pair of caller and callee, so that two callers of a unit cannot connect to each other, and
//! one for each unit with its testers (agents and suites).
//!
//! There is no DNS: every container has hosts entries for the units that it may call, and no others.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::labels;
use crate::lease::Lease;
use crate::plan::{Plan, SuitePlan, Unit};

/// A network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The calling unit; none for the network of the testers.
    pub caller: Option<String>,
    /// The called unit.
    pub callee: String,
}

impl Link {
    /// Returns the name of the network.
    pub fn name(&self, lease: &Lease) -> String {
        labels::network_name(lease, &self.end_of_name())
    }

    /// Returns the part of the network's name that does not depend on the run.
    pub fn end_of_name(&self) -> String {
        format!("{}.{}", self.caller.as_deref().unwrap_or("to"), self.callee)
    }

    fn includes(&self, unit: &str) -> bool {
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
        let wrong = || format!("{text} is not an IPv4 subnet");
        let (base, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let subnet = Self { base: base.parse().map_err(|_| wrong())?, prefix: prefix.parse().map_err(|_| wrong())? };
        // Nine copies use the upper half; the engine allocates from the lower half.
        if (8..=27).contains(&subnet.prefix) {
            Ok(subnet)
        } else {
            Err(format!("{text} is not an IPv4 subnet of at least 32 addresses"))
        }
    }
}

impl Subnet {
    /// Returns the address of the callee's `copy`-th copy (from 1). It is in the upper half, because engines allocate
    /// from the bottom.
    pub fn callee_address(self, copy: u8) -> Ipv4Addr {
        let size = 1u32 << (32 - u32::from(self.prefix));
        let first = if size >= 256 { 240 } else { size / 2 };
        Ipv4Addr::from(u32::from(self.base) + first + u32::from(copy) - 1)
    }
}

/// Subnets by network name.
pub type Subnets = BTreeMap<String, Subnet>;

/// A container's attachment to a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Returns the name of the network.
    pub network: String,
    /// The fixed address of a callee.
    pub address: Option<Ipv4Addr>,
}

/// Returns every network of an environment.
pub fn all(plan: &Plan) -> Vec<Link> {
    let testers = plan.units.iter().map(|u| Link { caller: None, callee: u.name.clone() });
    let calls = plan.units.iter().flat_map(|callee| {
        let callers = callee.callers.iter().filter(|c| **c != callee.name && plan.unit(c).is_some());
        callers.map(|c| Link { caller: Some(c.clone()), callee: callee.name.clone() })
    });
    testers.chain(calls).collect()
}

/// Returns the attachments of a copy of a unit. Fails if the subnet of a network is unknown.
pub fn unit_attachments(lease: &Lease, subnets: &Subnets, unit: &Unit, copy: u8) -> Result<Vec<Attachment>, String> {
    let mine = all(&lease.plan).into_iter().filter(|l| l.includes(&unit.name));
    mine.map(|link| {
        let network = link.name(lease);
        let address =
            if link.callee == unit.name { Some(subnet(subnets, &network)?.callee_address(copy)) } else { None };
        Ok(Attachment { network, address })
    })
    .collect()
}

/// Returns the attachments of an agent or suite that may call these units.
pub fn tester_attachments(lease: &Lease, callees: &[&Unit]) -> Vec<Attachment> {
    callees
        .iter()
        .map(|u| Attachment { network: Link { caller: None, callee: u.name.clone() }.name(lease), address: None })
        .collect()
}

/// Returns the hosts entries (`name:address`) of the units that a unit may call.
pub fn unit_hosts(lease: &Lease, subnets: &Subnets, unit: &str) -> Result<Vec<String>, String> {
    hosts(lease, subnets, lease.plan.reachable_by(unit).filter(|u| u.name != unit), Some(unit))
}

/// Returns the hosts entries of an agent or suite that may call these units.
pub fn tester_hosts(lease: &Lease, subnets: &Subnets, callees: &[&Unit]) -> Result<Vec<String>, String> {
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
        let link = Link { caller: caller.map(str::to_owned), callee: callee.name.clone() };
        let subnet = subnet(subnets, &link.name(lease))?;
        for copy in 1..=callee.replicas.max(1) {
            entries.extend(
                host_names(&callee.name, &lease.environment)
                    .map(|name| format!("{name}:{}", subnet.callee_address(copy))),
            );
        }
    }
    Ok(entries)
}

/// Returns the short name of a unit, and the names of the same service in a cluster.
pub fn host_names(unit: &str, environment: &str) -> [String; 4] {
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

/// Returns the units that a suite may call.
pub fn suite_callees<'a>(plan: &'a Plan, suite: &SuitePlan) -> Vec<&'a Unit> {
    plan.units.iter().filter(|u| u.callers.contains(&suite.name) || suite.needs.contains(&u.name)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::sample;
    use super::*;

    #[test]
    fn two_callers_of_a_unit_share_no_network() {
        let lease = sample::lease();
        let names: Vec<String> = all(&lease.plan).iter().map(|l| l.name(&lease)).collect();
        assert_eq!(names, ["to.db", "to.api", "to.job", "api.db", "job.db"].map(|n| format!("e-pr-1-deadbeef-{n}")));
        let networks = |unit: &str| -> Vec<String> {
            unit_attachments(&lease, &sample::subnets(&lease), lease.plan.unit(unit).unwrap(), 1)
                .unwrap()
                .into_iter()
                .map(|s| s.network)
                .collect()
        };
        assert!(networks("api").iter().all(|n| !networks("job").contains(n)));
    }

    #[test]
    fn limits_hosts_entries_to_permitted_callees() {
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
        let tester = tester_hosts(&lease, &subnets, &[lease.plan.unit("api").unwrap()]).unwrap();
        assert!(
            tester.contains(&"api:10.0.1.240".to_owned())
                && tester.contains(&"api:10.0.1.241".to_owned())
                && tester.len() == 8,
            "{tester:?}"
        );
    }

    #[test]
    fn names_a_missing_network() {
        let lease = sample::lease();
        assert_eq!(
            unit_hosts(&lease, &Subnets::new(), "job").unwrap_err(),
            "network e-pr-1-deadbeef-job.db is missing"
        );
    }

    #[test]
    fn places_callees_above_the_range_that_engines_allocate() {
        let at = |text: &str, copy| text.parse::<Subnet>().unwrap().callee_address(copy).to_string();
        assert_eq!((at("10.89.3.0/24", 1), at("10.89.3.0/24", 9)), ("10.89.3.240".into(), "10.89.3.248".into()));
        assert_eq!((at("10.213.0.32/27", 1), at("10.213.0.32/27", 9)), ("10.213.0.48".into(), "10.213.0.56".into()));
        assert!("10.0.0.0/28".parse::<Subnet>().is_err() && "fd00::/64".parse::<Subnet>().is_err());
    }
}
