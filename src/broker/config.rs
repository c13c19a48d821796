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
    let further: String = plan.config.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
    let disk = if plan.config.keys().any(|key| key.starts_with("disk_free_limit")) {
        ""
    } else {
        "disk_free_limit.absolute = 50MB\n"
    };
    format!(
        "{listeners}\
         load_definitions = /run/secrets/definitions.json\n\
         loopback_users = none\n\
         log.console = true\n\
         log.console.level = info\n\
         log.connection.level = warning\n\
         log.file = false\n\
         vm_memory_high_watermark.absolute = {high_water}\n\
         {disk}{further}"
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
            config: Default::default(),
        }
    }

    #[test]
    fn keys_of_a_description_stand_at_the_end() {
        let mut own = plan(false);
        own.config = [("consumer_timeout", "900000"), ("disk_free_limit.absolute", "1GB")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let text = config(&own, 512 << 20);
        assert!(text.ends_with("\nconsumer_timeout = 900000\ndisk_free_limit.absolute = 1GB\n"), "{text}");
        assert_eq!(text.matches("disk_free_limit").count(), 1);
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
