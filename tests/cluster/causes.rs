//! The reports of a broken shop name the cause, as on the local engine; and no secret is missed in a log that is partly gone.

use crate::in_cluster;
use crate::support::causes;

#[test]
fn names_a_dropped_broker_right() {
    causes::report_names_the_cause(&in_cluster!(), "kc-shop", &causes::broker_right());
}

#[test]
fn names_a_wrong_broker_password() {
    causes::report_names_the_cause(&in_cluster!(), "kc-shop", &causes::broker_password());
}

#[test]
fn names_a_missing_need() {
    causes::report_names_the_cause(&in_cluster!(), "kc-shop", &causes::missing_need());
}

#[test]
fn names_a_wrong_database_password() {
    causes::report_names_the_cause(&in_cluster!(), "kc-shop", &causes::database_password());
}

#[test]
fn names_a_dropped_database_right() {
    causes::report_names_the_cause(&in_cluster!(), "kc-shop", &causes::database_right());
}

#[test]
fn names_a_fault_of_a_program() {
    causes::report_names_the_cause(&in_cluster!(), "kc-shop", &causes::fault());
}

/// Serves, logs its secret, and ends itself when it is asked to.
const LEAKS: &str = "secrets:\n  token: { bytes: 24 }\nservices:\n  web:\n    image: localhost/dayfly/python:1\n    port: 8080\n    secrets: [token]\n    command:\n      - python3\n      - -uc\n      - |\n        import http.server, os\n        class Web(http.server.BaseHTTPRequestHandler):\n            def do_GET(self):\n                if self.path == '/leak': print('token', open('/run/secrets/token').read())\n                if self.path == '/noise': [print('x' * 1000) for _ in range(30000)]\n                self.send_response(200)\n                self.end_headers()\n        print('here')\n        http.server.HTTPServer(('', 8080), Web).serve_forever()\n";

fn leak_is_found(name: &str, between: &str) {
    let user = in_cluster!();
    let suite = format!(
        "suites:\n  suite:\n    kind: security\n    needs: [web]\n    cases:\n      - id: S1\n        name: no secret\n        steps:\n          - http: {{ url: 'http://web:8080/leak' }}\n{between}          - noSecretsLeaked: {{}}\n"
    );
    let file = user.describes(name, &format!("{LEAKS}{suite}"));
    user.owns(&format!("{name}-pr-1"));
    user.runs(&file, "1", &[]).code(6).says("token stands in the log of web");
}

#[test]
fn finds_a_secret_that_was_logged_before_a_restart() {
    leak_is_found("kc-leak-restart", "          - restart: { service: web }\n          - restart: { service: web }\n");
}

#[test]
fn finds_a_secret_that_the_rotation_of_logs_has_pushed_out() {
    let noise = "          - { within: 60s, http: { url: 'http://web:8080/noise' } }\n          - wait: { for: 25s }\n";
    leak_is_found("kc-leak-rotated", noise);
}

#[test]
fn names_a_wrong_cache_password() {
    causes::report_names_the_cause(&in_cluster!(), "kc-shop", &causes::cache_password());
}

#[test]
fn names_a_cache_that_may_not_be_called() {
    causes::report_names_the_cause(&in_cluster!(), "kc-shop", &causes::cache_need());
}

#[test]
fn names_a_dropped_cache_right() {
    causes::report_names_the_cause(&in_cluster!(), "kc-shop", &causes::cache_right());
}

#[test]
fn names_a_wrong_key_of_the_store() {
    causes::report_names_the_cause(&in_cluster!(), "kc-shop", &causes::store_key());
}

#[test]
fn names_a_missing_bucket() {
    causes::report_names_the_cause(&in_cluster!(), "kc-shop", &causes::store_bucket());
}
