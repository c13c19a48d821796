#[derive(Debug, clap::Subcommand)]
pub enum KeyAction {
    Show,
}
pub fn run(_: KeyAction, _: bool) -> anyhow::Result<u8> {
    Ok(0)
}
pub fn load(_: &std::path::Path, _: Option<&std::path::Path>) -> anyhow::Result<crate::evidence::key::SigningKey> {
    Ok(crate::evidence::key::SigningKey)
}
