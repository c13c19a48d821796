//! An S3 server over a folder that checks signatures: `server FOLDER`, as MinIO is called, on port 9000.
//!
//! The keys are in the files that MINIO_ROOT_USER_FILE and MINIO_ROOT_PASSWORD_FILE name.

use std::error::Error;
use std::path::PathBuf;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::path::S3Path;
use s3s::service::S3ServiceBuilder;
use s3s::{S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

/// Refuses requests without a signature, and what is done in a bucket that nobody created: the file system makes folders.
struct Buckets(PathBuf);

#[async_trait::async_trait]
impl S3Access for Buckets {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        if request.credentials().is_none() {
            return Err(s3_error!(AccessDenied));
        }
        let (S3Path::Bucket { bucket } | S3Path::Object { bucket, .. }) = request.s3_path() else { return Ok(()) };
        if request.s3_op().name() == "CreateBucket" || self.0.join(&**bucket).is_dir() {
            return Ok(());
        }
        Err(s3_error!(NoSuchBucket))
    }
}

fn key(variable: &str) -> Result<String, Box<dyn Error>> {
    let path = std::env::var(variable).map_err(|_| format!("{variable} names no file"))?;
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    Ok(text.trim().to_owned())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [command, folder] = arguments.as_slice() else { return Err("usage: server FOLDER".into()) };
    if command != "server" {
        return Err(format!("`{command}` is no command; usage: server FOLDER").into());
    }
    let mut service =
        S3ServiceBuilder::new(FileSystem::new(folder).map_err(|e| format!("{folder}: {e:?}"))?);
    service.set_auth(SimpleAuth::from_single(key("MINIO_ROOT_USER_FILE")?, key("MINIO_ROOT_PASSWORD_FILE")?));
    service.set_access(Buckets(folder.into()));
    serve(service.build())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn serve(service: s3s::service::S3Service) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("[::]:9000").await?;
    println!("listening on port 9000");
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service.clone();
        tokio::spawn(async move {
            // A client that hangs up is no event.
            Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await.ok();
        });
    }
}
