//! The `dayfly` binary: parse, trace, call the verb, exit with its code.

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (input, output) = (tokio::io::stdin(), tokio::io::stdout());
    let done = match words.as_slice() {
        ["agent"] => runtime.block_on(dayfly::agent::serve(input, output)),
        ["agent", "dial", to] => runtime.block_on(dayfly::agent::dial(to, input, output)),
        _ => anyhow::bail!("understand the arguments: expected `agent` or `agent dial HOST:PORT`"),
    };
    // Standard input is read on a thread of its own that nothing interrupts; do not wait for it.
    runtime.shutdown_background();
    Ok(done?)
}
