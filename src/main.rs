//! The `dayfly` binary: parse, trace, call the verb, exit with its code.
fn main() {}
