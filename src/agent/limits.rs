//! Reads this container's limits from its control group.

use tokio::fs::read_to_string;

/// Returns `memory=<bytes>`, `pids=<number>`, `cpu-millis=<thousandths of a CPU>`; omits unreadable ones.
pub async fn limits() -> Vec<String> {
    let mut found = vec![];
    for (name, current, former) in
        [("memory", "memory.max", "memory/memory.limit_in_bytes"), ("pids", "pids.max", "pids/pids.max")]
    {
        if let Some(value) = first(&[current, former]).await {
            found.push(format!("{name}={value}"));
        }
    }
    if let Some(millis) = cpu().await {
        found.push(format!("cpu-millis={millis}"));
    }
    found
}

async fn cpu() -> Option<u64> {
    if let Some(both) = first(&["cpu.max"]).await {
        let (quota, period) = both.split_once(' ')?;
        return millis(quota, period);
    }
    let quota = first(&["cpu/cpu.cfs_quota_us", "cpu,cpuacct/cpu.cfs_quota_us"]).await?;
    millis(&quota, &first(&["cpu/cpu.cfs_period_us", "cpu,cpuacct/cpu.cfs_period_us"]).await?)
}

/// Returns none if there is no limit (`max` or -1).
fn millis(quota: &str, period: &str) -> Option<u64> {
    (quota.parse::<u64>().ok()? * 1000).checked_div(period.parse().ok()?)
}

async fn first(names: &[&str]) -> Option<String> {
    for name in names {
        if let Ok(text) = read_to_string(format!("/sys/fs/cgroup/{name}")).await {
            return Some(text.trim().to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_told_in_thousandths_of_a_processor() {
        assert_eq!(millis("50000", "100000"), Some(500));
        assert_eq!(millis("max", "100000"), None);
        assert_eq!(millis("-1", "100000"), None);
        assert_eq!(millis("5", "0"), None);
    }
}
