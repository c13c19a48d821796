//! The agent against a real PostgreSQL, and against small peers that show exactly what it sends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agent_rig;

use std::sync::LazyLock;

use agent_rig::{Agent, Container, POSTGRES, agent, bare, engine, loopback, none, plan, run, unit};
use dayfly::agent::protocol::{AgentContext, AgentRequest, AgentResponse, StepFailure};
use dayfly::plan::{Plan, ReadyPlan, UnitKind};
use dayfly::secrets::Secrets;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const PORT: u16 = 5432;

struct Rig {
    plan: Plan,
    secrets: Secrets,
    container: Container,
}

static RIG: LazyLock<Option<Rig>> = LazyLock::new(|| {
    let cli = engine(POSTGRES)?;
    let name = loopback(20);
    let tables = "CREATE SCHEMA p11;\nCREATE TABLE p11.notes (id serial PRIMARY KEY, text text);\nINSERT INTO p11.notes (text) VALUES ('one'), (NULL);\n\
        GRANT USAGE ON SCHEMA p11 TO app;\nGRANT SELECT, INSERT ON p11.notes TO app;\nSET ROLE app;";
    let more = "INSERT INTO p11.notes (text) VALUES ('two') -- no semicolon at the end, and a comment";
    let sql = json!([["tables.sql", tables], ["more.sql", more]]);
    let plan = plan(
        vec![unit(&name, UnitKind::Database)],
        none(),
        json!({ name.clone(): { "database": "app", "roles": ["app", "o'dd \"role\""], "sql": sql } }),
    );
    let secrets = dayfly::secrets::generate(&plan, None).unwrap();
    let password = format!("POSTGRES_PASSWORD_FILE=/run/secrets/{name}.postgres");
    let container = run(cli, POSTGRES, &name, PORT, &[&password, "POSTGRES_DB=app"], &secrets);
    Some(Rig { plan, secrets, container })
});

impl Rig {
    fn name(&self) -> &str {
        &self.plan.units[0].name
    }

    fn sql(&self, role: &str, query: &str, more: Value) -> Value {
        let mut step = json!({ "database": self.name(), "role": role, "query": query });
        step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "sql": step })
    }
}

async fn rig() -> Option<(&'static Rig, Agent)> {
    let rig = RIG.as_ref()?;
    let agent = agent(AgentContext::complete(&rig.plan, &rig.secrets));
    match agent.ready(rig.name(), ReadyPlan::Database, 60_000).await {
        AgentResponse::Ready => Some((rig, agent)),
        other => panic!("{other:?}\n{}", rig.container.log()),
    }
}

#[tokio::test]
async fn sql_files_are_applied_once_however_often_readiness_is_asked() {
    let Some((rig, agent)) = rig().await else { return };
    assert!(matches!(agent.ready(rig.name(), ReadyPlan::Database, 10_000).await, AgentResponse::Ready));
    let others = [
        self::agent(AgentContext::complete(&rig.plan, &rig.secrets)),
        self::agent(AgentContext::complete(&rig.plan, &rig.secrets)),
    ];
    let again =
        futures::future::join_all(others.iter().map(|other| other.ready(rig.name(), ReadyPlan::Database, 10_000)))
            .await;
    assert!(again.iter().all(|answer| matches!(answer, AgentResponse::Ready)), "{again:?}");
    agent
        .holds(rig.sql("app", "SELECT text FROM p11.notes ORDER BY id", json!({ "rows": [["one"], [null], ["two"]] })))
        .await;
}

#[tokio::test]
async fn a_role_is_refused_what_it_was_not_granted_and_nothing_else_counts_as_refusal() {
    let Some((rig, agent)) = rig().await else { return };
    let (captured, saw) = agent
        .holds(rig.sql("app", "SELECT count(*), 'x' FROM p11.notes", json!({ "capture": { "n": 0, "x": 1 } })))
        .await;
    assert_eq!((captured["n"].as_str(), captured["x"].as_str(), saw.as_str()), ("3", "x", "1 row(s)"));
    let (_, saw) = agent.holds(rig.sql("app", "DELETE FROM p11.notes", json!({ "refused": true }))).await;
    assert_eq!(saw, "permission denied for table notes (42501)");
    agent.holds(rig.sql("o'dd \"role\"", "SELECT * FROM p11.notes", json!({ "refused": true }))).await;
    let allowed = agent.fails(rig.sql("app", "SELECT 1", json!({ "refused": true }))).await;
    assert_eq!(allowed.got, "it was allowed, with 1 row(s)");
    let absent = agent.fails(rig.sql("app", "SELECT * FROM p11.ghost", json!({ "refused": true }))).await;
    assert!(absent.got.contains("42P01") && !absent.inconclusive, "{absent:?}");
    let rows = agent.fails(rig.sql("app", "SELECT 1, NULL", json!({ "rows": [["2", null]] }))).await;
    assert_eq!((rows.expected.as_str(), rows.got.as_str()), ("the rows [[\"2\",null]]", "[[\"1\",null]]"));
    let unknown = agent.fails(rig.sql("ghost", "SELECT 1", json!({ "refused": true }))).await;
    assert!(unknown.inconclusive, "{unknown:?}");
    let mut wrong = AgentContext::complete(&rig.plan, &rig.secrets);
    wrong.secrets.insert(format!("{}.app", rig.name()), "wrong".into());
    self::agent(wrong).holds(rig.sql("app", "SELECT 1", json!({ "refused": true }))).await;
}

#[tokio::test]
async fn a_faulty_sql_file_is_named_with_its_line_and_ends_the_waiting() {
    let Some((rig, _agent)) = rig().await else { return };
    let with = |place: &str, text: &str| {
        let mut hello = AgentContext::complete(&rig.plan, &rig.secrets);
        hello.databases.get_mut(rig.name()).unwrap().sql.push((place.into(), text.into()));
        hello
    };
    let failure = async |hello: AgentContext| match agent(hello).ready(rig.name(), ReadyPlan::Database, 30_000).await {
        AgentResponse::Failed(failure) => failure,
        other => panic!("{other:?}"),
    };
    let typo = failure(with("typo.sql", "-- ø æ å\nCREATE TABLE p11.half (id int);\nSELEC 1;\n")).await;
    assert_eq!(typo.got, "typo.sql line 3: syntax error at or near \"SELEC\" (42601)");
    assert!(typo.waited_ms < 20_000, "waiting would not help: {typo:?}");
    let psql = failure(with("psql.sql", "\\connect app\n")).await;
    assert!(psql.got.contains("psql.sql line 1") && psql.got.contains("commands of psql"), "{psql:?}");
    let agent = agent(AgentContext::complete(&rig.plan, &rig.secrets));
    agent.holds(rig.sql("postgres", "SELECT to_regclass('p11.half')", json!({ "rows": [[null]] }))).await;
}

#[tokio::test]
async fn no_secret_stands_in_the_databases_log_even_when_everything_is_logged() {
    let Some((rig, agent)) = rig().await else { return };
    agent.holds(rig.sql("postgres", "ALTER SYSTEM SET log_statement = 'all'", json!({}))).await;
    agent.holds(rig.sql("postgres", "SELECT pg_reload_conf()", json!({}))).await;
    assert!(matches!(agent.ready(rig.name(), ReadyPlan::Database, 10_000).await, AgentResponse::Ready));
    let logged = rig.sql("postgres", "SELECT current_setting('log_statement')", json!({ "rows": [["all"]] }));
    assert!(matches!(agent.step(logged, Some(5_000)).await, AgentResponse::Passed { .. }));
    assert!(matches!(agent.ready(rig.name(), ReadyPlan::Database, 10_000).await, AgentResponse::Ready));
    let log = rig.container.log();
    assert!(log.contains("ALTER ROLE"), "{log}");
    assert!(rig.secrets.values.values().all(|value| !log.contains(value)));
}

/// Answers every connection with the same bytes, and hands over what each asked.
async fn peer(answer: &'static str) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, asked) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut seen = vec![0; 4096];
            let size = stream.read(&mut seen).await.unwrap();
            sender.send(String::from_utf8_lossy(&seen[..size]).into_owned()).ok();
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (address, asked)
}

#[tokio::test]
async fn a_request_leaves_as_it_was_written() {
    let (at, mut asked) = peer("HTTP/1.1 201 Created\r\nX-Id: 9\r\nContent-Length: 8\r\n\r\n{\"a\": 1}").await;
    let step = json!({ "http": {
        "method": "PUT", "url": format!("http://{at}/v1/p11/..%2f..//../x?q=%20&r"), "json": { "k": "v" }, "headers": { "Authorization": "Bearer t" },
        "expect": { "status": [201], "json": { "a": 1 } }, "capture": { "id": "header:x-id", "a": "$.a" },
    } });
    let (captured, saw) = agent(bare()).holds(step).await;
    assert_eq!((captured["id"].as_str(), captured["a"].as_str()), ("9", "1"));
    assert!(saw.ends_with("201 Created, 8 bytes"), "{saw}");
    let request = asked.recv().await.unwrap().to_lowercase();
    assert!(request.starts_with("put /v1/p11/..%2f..//../x?q=%20&r http/1.1\r\n"), "{request}");
    for line in [format!("host: {at}"), "content-type: application/json".into(), "authorization: bearer t".into()] {
        assert!(request.contains(&line), "{request}");
    }
    assert!(request.ends_with("{\"k\":\"v\"}"), "{request}");
}

#[tokio::test]
async fn a_step_is_repeated_until_it_holds_or_its_time_is_over() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let serve = tokio::spawn(async move {
        for n in 1.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            let status = if n < 4 { "503 Service Unavailable" } else { "200 OK" };
            stream
                .write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes())
                .await
                .unwrap();
        }
    });
    let agent = agent(bare());
    let step = json!({ "http": { "url": format!("http://{at}/") } });
    assert_eq!(agent.fails(step.clone()).await.got, format!("GET http://{at}/: 503 Service Unavailable"));
    match agent.step(step.clone(), Some(10_000)).await {
        AgentResponse::Passed { waited_ms, .. } => {
            assert!((20..5_000).contains(&waited_ms), "three pauses at least, not all of the time: {waited_ms}")
        }
        other => panic!("{other:?}"),
    }
    serve.abort();
    assert!(serve.await.unwrap_err().is_cancelled());
    let AgentResponse::Failed(gone) = agent.step(step, Some(300)).await else { panic!("nobody listens any more") };
    assert!(gone.got.ends_with("connection refused") && gone.waited_ms >= 150, "{gone:?}");
}

#[tokio::test]
async fn https_trusts_the_environments_authority_and_no_other() {
    let mut one = unit("127.0.0.1", UnitKind::Service);
    one.tls = true;
    let plan = plan(vec![one], none(), json!({}));
    let secrets = dayfly::secrets::generate(&plan, None).unwrap();
    let acceptor = acceptor(&secrets);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust us hangs up; the next one is served all the same.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            stream.shutdown().await.ok();
        }
    });
    let step = json!({ "http": { "url": format!("https://127.0.0.1:{port}/"), "expect": { "status": [204] } } });
    let ready = ReadyPlan::Http { port, path: "/healthz".into(), tls: true };
    let trusting = agent(AgentContext::complete(&plan, &secrets));
    trusting.holds(step.clone()).await;
    assert!(matches!(trusting.ready("127.0.0.1", ready.clone(), 5_000).await, AgentResponse::Ready));
    let stranger = agent(AgentContext {
        ca: dayfly::secrets::generate(&plan, None).unwrap().ca,
        ..AgentContext::complete(&plan, &secrets)
    });
    let refused = stranger.fails(step).await;
    assert!(refused.got.contains("TLS: invalid peer certificate"), "{refused:?}");
    assert!(matches!(stranger.ready("127.0.0.1", ready, 300).await, AgentResponse::Failed(_)));
}

fn acceptor(secrets: &Secrets) -> tokio_rustls::TlsAcceptor {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let files = &secrets.files["127.0.0.1"];
    let certificate = CertificateDer::from_pem_slice(&files["tls.crt"]).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&files["tls.key"]).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    std::sync::Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap()).into()
}

#[tokio::test]
async fn tcp_and_resolve_tell_which_kind_of_refusal_it_was() {
    let agent = agent(bare());
    let (at, _asked) = peer("").await;
    agent.holds(json!({ "tcp": { "to": at } })).await;
    assert_eq!(agent.fails(json!({ "tcp": { "to": at, "refused": true } })).await.got, "the connection was accepted");
    let (_, saw) = agent.holds(json!({ "tcp": { "to": "127.0.0.1:1", "refused": true } })).await;
    assert_eq!(saw, "127.0.0.1:1: connection refused");
    let (_, saw) = agent.holds(json!({ "tcp": { "to": "no.such.name.invalid:1", "refused": true } })).await;
    assert!(saw.contains("failed to lookup"), "{saw}");
    agent.holds(json!({ "resolve": { "host": "localhost" } })).await;
    agent.holds(json!({ "resolve": { "host": "no.such.name.invalid", "refused": true } })).await;
    assert!(
        agent.fails(json!({ "resolve": { "host": "localhost", "refused": true } })).await.got.contains("127.0.0.1")
    );
}

#[tokio::test]
async fn refuses_steps_that_the_engine_performs() {
    match agent(bare()).step(json!({ "stop": { "service": "x" } }), None).await {
        AgentResponse::Error { message } => assert_eq!(message, "agents do not support this step"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_secret_that_a_service_echoes_is_not_passed_on() {
    let (at, _asked) = peer("HTTP/1.1 500 Oops\r\nContent-Length: 16\r\n\r\nkey s3cr3t-value").await;
    let mut hello = bare();
    hello.secrets.insert("api-key".into(), "s3cr3t-value".into());
    let StepFailure { got, .. } = agent(hello).fails(json!({ "http": { "url": format!("http://{at}/") } })).await;
    assert!(got.ends_with("500 Internal Server Error: key [secret api-key]"), "{got}");
}

#[tokio::test]
async fn reach_names_listen_and_status_answer_for_this_position() {
    let agent = agent(bare());
    let port = 20_000 + u16::try_from(std::process::id() % 20_000).unwrap();
    let AgentResponse::Listening { addresses, .. } = agent.ask(AgentRequest::Listen { port }).await else {
        panic!("cannot listen")
    };
    assert!(addresses.iter().all(|a| !a.starts_with("127.")), "{addresses:?}");
    let here: Vec<String> = addresses
        .iter()
        .filter(|a| !a.contains(':'))
        .map(|a| format!("{a}:{port}"))
        .chain([format!("127.0.0.1:{port}")])
        .collect();
    let all: Vec<String> = here.iter().cloned().chain(["127.0.0.1:1".to_owned()]).collect();
    let AgentResponse::Reached { reached, .. } =
        agent.ask(AgentRequest::Reach { addresses: all, timeout_ms: 2_000 }).await
    else {
        panic!("no answer")
    };
    assert_eq!(reached, here);
    assert!(matches!(agent.ask(AgentRequest::Listen { port }).await, AgentResponse::Error { .. }), "the port is taken");
    let names = AgentRequest::Names {
        names: vec!["localhost".into(), "no.such.name.invalid".into()],
        servers: vec![],
        timeout_ms: 3_000,
    };
    let AgentResponse::Reached { reached, .. } = agent.ask(names).await else { panic!("no answer") };
    assert!(reached.len() == 1 && reached[0].starts_with("localhost = "), "{reached:?}");
    match agent.ask(AgentRequest::Status).await {
        AgentResponse::Status(status) => {
            assert!(status.arguments.iter().any(|list| list.ends_with("dayfly agent")), "{:?}", status.arguments)
        }
        // Without the right to look at process 1 it must say so.
        AgentResponse::Error { message } => assert!(message.contains("/proc/1/"), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_dns_server_is_asked_directly() {
    let server = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = server.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut packet = [0; 512];
        while let Ok((size, from)) = server.recv_from(&mut packet).await {
            let mut answer = packet[..size].to_vec();
            answer[2] |= 0x80;
            answer[7] = 1;
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 192, 0, 2, 7]);
            server.send_to(&answer, from).await.unwrap();
        }
    });
    let names = AgentRequest::Names {
        names: vec!["probe.invalid".into()],
        servers: vec![at.clone(), "127.0.0.1:1".into()],
        timeout_ms: 1_000,
    };
    let AgentResponse::Reached { reached, .. } = agent(bare()).ask(names).await else { panic!("no answer") };
    assert_eq!(reached, [format!("probe.invalid = 192.0.2.7 by {at}")]);
}

#[tokio::test]
async fn when_the_agent_dies_every_question_fails_with_the_reason() {
    let mut agent = agent(bare());
    let asked = || {
        agent.client.ask(AgentRequest::Ready {
            unit: "127.0.0.1".into(),
            ready: ReadyPlan::Tcp { port: 1 },
            within_ms: 60_000,
            at: None,
        })
    };
    let kill = async {
        // The first answer proves that it runs and that the others are under way.
        agent.client.ask(AgentRequest::Reach { addresses: vec![], timeout_ms: 1 }).await.unwrap();
        agent.process.start_kill().unwrap();
    };
    let (one, two, ()) = tokio::join!(asked(), asked(), kill);
    assert_eq!(one.unwrap_err().to_string(), "get an answer from the agent: its connection ended");
    assert!(two.is_err());
    assert!(asked().await.is_err(), "later questions fail at once");
}

#[tokio::test]
async fn the_agent_ends_with_its_link_whatever_still_runs() {
    let agent_rig::Agent { client, mut process } = agent(bare());
    let waiting = client.clone();
    let question = tokio::spawn(async move {
        waiting
            .ask(AgentRequest::Ready {
                unit: "127.0.0.1".into(),
                ready: ReadyPlan::Tcp { port: 1 },
                within_ms: 60_000,
                at: None,
            })
            .await
    });
    client.ask(AgentRequest::Reach { addresses: vec![], timeout_ms: 1 }).await.unwrap();
    question.abort();
    assert!(question.await.unwrap_err().is_cancelled());
    drop(client);
    let status = tokio::time::timeout(std::time::Duration::from_secs(10), process.wait())
        .await
        .expect("the agent goes on")
        .unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn dial_relays_both_directions_until_the_peer_closes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).await.unwrap();
        stream.write_all(all.to_uppercase().as_bytes()).await.unwrap();
    });
    let mut command = tokio::process::Command::new(agent_rig::binary());
    let mut process = command
        .args(["agent", "dial", &at])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(b"hello").await.unwrap();
    let out = process.wait_with_output().await.unwrap();
    assert_eq!((out.status.success(), out.stdout.as_slice()), (true, b"HELLO".as_slice()));
}
