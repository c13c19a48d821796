//! Renders `rabbitmq.conf`.

use crate::plan::BrokerPlan;

/// Renders the configuration for RabbitMQ 3.10 to 4.x, with keys that all versions know: an unknown one stops the boot.
///
/// `memory` is the container's limit in bytes. Certificates and definitions are expected under `/run/secrets/`.
pub fn config(plan: &BrokerPlan, memory: u64) -> String {
    let listeners = if plan.tls {
        format!(
            "listeners.tcp = none\n\
             listeners.ssl.default = {}\n\
             ssl_options.cacertfile = /run/secrets/ca.crt\n\
             ssl_options.certfile = /run/secrets/tls.crt\n\
             ssl_options.keyfile = /run/secrets/tls.key\n\
             ssl_options.verify = verify_none\n\
             ssl_options.fail_if_no_peer_cert = false\n\
             ssl_options.versions.1 = tlsv1.3\n\
             ssl_options.versions.2 = tlsv1.2\n",
            plan.port
        )
    } else {
        format!("listeners.tcp.default = {}\n", plan.port)
    };
    // RabbitMQ would otherwise use the memory of the whole machine.
    let high_water = memory / 10 * 6;
    format!(
        "{listeners}\
         load_definitions = /run/secrets/definitions.json\n\
         loopback_users = none\n\
         log.console = true\n\
         log.console.level = info\n\
         log.connection.level = warning\n\
         log.file = false\n\
         vm_memory_high_watermark.absolute = {high_water}\n\
         disk_free_limit.absolute = 50MB\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(tls: bool) -> BrokerPlan {
        BrokerPlan {
            name: "mq".into(),
            port: if tls { 5671 } else { 5672 },
            tls,
            vhosts: Default::default(),
            users: Default::default(),
        }
    }

    #[test]
    fn with_tls_nothing_listens_in_plain() {
        let text = config(&plan(true), 512 << 20);
        assert!(text.contains("listeners.tcp = none\nlisteners.ssl.default = 5671\n"));
        assert!(!text.contains("5672"));
    }

    #[test]
    fn without_tls_no_certificate_is_asked_for() {
        let text = config(&plan(false), 512 << 20);
        assert!(text.starts_with("listeners.tcp.default = 5672\n"));
        assert!(!text.contains("ssl"));
        assert!(text.contains("vm_memory_high_watermark.absolute = 322122546\n"));
    }
}
