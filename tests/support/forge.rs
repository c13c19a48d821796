//! A forge in this process.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// A forge's answer: status, headers, body.
pub type Reply = (u16, Vec<(&'static str, String)>, String);

/// A forge in this process; what it was asked is kept as `path authorization`.
pub struct Server {
    pub url: String,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// `reply` is given its own address and the path with its query.
    pub fn start(reply: impl Fn(&str, &str) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(vec![]));
        let (own, log) = (url.clone(), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let head: Vec<String> =
                    BufReader::new(&stream).lines().map_while(Result::ok).take_while(|l| !l.is_empty()).collect();
                let path = head[0].split(' ').nth(1).unwrap().to_owned();
                let shown = head.iter().find_map(|l| l.strip_prefix("authorization: ")).unwrap_or_default();
                log.lock().unwrap().push(format!("{path} {shown}").trim().to_owned());
                let (status, headers, body) = reply(&own, &path);
                let mut answer = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
                if !headers.iter().any(|(name, _)| *name == "content-length") {
                    answer += &format!("content-length: {}\r\n", body.len());
                }
                headers.iter().for_each(|(name, value)| answer += &format!("{name}: {value}\r\n"));
                let _ = stream.write_all(format!("{answer}\r\n{body}").as_bytes());
            }
        });
        Self { url, asked }
    }
}

/// A page with these.
pub fn pulls(numbers: &[u32]) -> String {
    let all: Vec<Value> = numbers.iter().map(|n| json!({"number": n, "state": "open", "title": "x"})).collect();
    json!(all).to_string()
}
