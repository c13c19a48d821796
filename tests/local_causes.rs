//! Breaks the shop on purpose: the report names the cause, and not only the symptom.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::{User, causes};

#[test]
fn the_shop_passes() {
    needs_engine!();
    causes::unbroken_shop_passes(&User::new(), "shop");
}

#[test]
fn names_a_dropped_broker_right() {
    needs_engine!();
    causes::report_names_the_cause(&User::new(), "shop", &causes::broker_right());
}

#[test]
fn names_a_wrong_broker_password() {
    needs_engine!();
    causes::report_names_the_cause(&User::new(), "shop", &causes::broker_password());
}

#[test]
fn names_a_missing_need() {
    needs_engine!();
    causes::report_names_the_cause(&User::new(), "shop", &causes::missing_need());
}

#[test]
fn names_a_wrong_database_password() {
    needs_engine!();
    causes::report_names_the_cause(&User::new(), "shop", &causes::database_password());
}

#[test]
fn names_a_dropped_database_right() {
    needs_engine!();
    causes::report_names_the_cause(&User::new(), "shop", &causes::database_right());
}

#[test]
fn names_a_fault_of_a_program() {
    needs_engine!();
    causes::report_names_the_cause(&User::new(), "shop", &causes::fault());
}

#[test]
fn names_a_wrong_cache_password() {
    needs_engine!();
    causes::report_names_the_cause(&User::new(), "shop", &causes::cache_password());
}

#[test]
fn names_a_cache_that_may_not_be_called() {
    needs_engine!();
    causes::report_names_the_cause(&User::new(), "shop", &causes::cache_need());
}

#[test]
fn names_a_dropped_cache_right() {
    needs_engine!();
    causes::report_names_the_cause(&User::new(), "shop", &causes::cache_right());
}

#[test]
fn names_a_wrong_key_of_the_store() {
    needs_engine!();
    causes::report_names_the_cause(&User::new(), "shop", &causes::store_key());
}

#[test]
fn names_a_missing_bucket() {
    needs_engine!();
    causes::report_names_the_cause(&User::new(), "shop", &causes::store_bucket());
}
