pub async fn run(_:Option<std::path::PathBuf>,_:&super::Common)->anyhow::Result<u8>{Ok(0)}
