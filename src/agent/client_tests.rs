#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};
use tokio::time::Instant;

use super::*;
use crate::agent::protocol::ResponseEnvelope;
use crate::agent::seal::Seal;
use crate::plan::ReadyPlan;

fn context() -> AgentContext {
    AgentContext {
        ca: String::new(),
        broker: None,
        databases: BTreeMap::new(),
        backing: BTreeMap::new(),
        secrets: BTreeMap::new(),
    }
}

/// The other side of a connection, which answers only what a test says.
struct Scripted {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    output: WriteHalf<DuplexStream>,
    requests: Seal,
    answers: Seal,
}

async fn scripted() -> (AgentClient, Scripted) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let (output, input) = tokio::io::split(ours);
    let client = AgentClient::connect(AgentLink { input: Box::pin(input), output: Box::pin(output) }, context());
    let (input, output) = tokio::io::split(theirs);
    let mut lines = BufReader::new(input).lines();
    let opening: Opening = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    let key = Key::from_hex(&opening.key).unwrap();
    let (requests, answers) = (key.seal(Direction::Request), key.seal(Direction::Answer));
    (client, Scripted { lines, output, requests, answers })
}

impl Scripted {
    async fn next(&mut self) -> RequestEnvelope {
        let line = self.lines.next_line().await.unwrap().unwrap();
        serde_json::from_str(self.requests.check(&line).unwrap()).unwrap()
    }

    async fn answer(&mut self, id: u64, answer: AgentResponse) {
        let line = self.answers.write(&serde_json::to_string(&ResponseEnvelope { id, answer }).unwrap()).unwrap();
        self.output.write_all(line.as_bytes()).await.unwrap();
    }

    /// Reads everything and answers nothing but pings.
    async fn only_lives(mut self) {
        loop {
            let RequestEnvelope { id, ask } = self.next().await;
            if matches!(ask, AgentRequest::Ping) {
                self.answer(id, AgentResponse::Pong).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_agent_is_pinged_and_then_lost() {
    let (client, mut agent) = scripted().await;
    let began = Instant::now();
    let silent = async {
        let asked = agent.next().await;
        let mut pings = 0;
        // The pings before it is lost are all that follows.
        while let Ok(Ok(Some(line))) = tokio::time::timeout(Duration::from_secs(60), agent.lines.next_line()).await {
            let ping: RequestEnvelope = serde_json::from_str(agent.requests.check(&line).unwrap()).unwrap();
            assert!(matches!(ping.ask, AgentRequest::Ping) && ping.id > asked.id);
            pings += 1;
        }
        pings
    };
    let (answer, pings) = tokio::join!(
        async {
            let answer = client.ask(AgentRequest::Status).await;
            assert_eq!(began.elapsed(), Duration::from_secs(20));
            answer
        },
        silent
    );
    let lost = answer.unwrap_err();
    assert!(lost.sent && !lost.interfered && lost.reason.contains("no sign of life for 20 s"), "{lost:?}");
    assert_eq!(pings, 3);
    assert!(client.is_lost());
    let again = client.ask(AgentRequest::Status).await.unwrap_err();
    assert!(!again.sent, "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_answers_pings_has_all_the_time_of_its_request() {
    let (client, agent) = scripted().await;
    tokio::spawn(agent.only_lives());
    let began = Instant::now();
    let within_ms = 3_600_000;
    let ask = AgentRequest::Ready { unit: "api".into(), ready: ReadyPlan::Broker, within_ms, at: None };
    let limit = ask.limit();
    let late = client.ask(ask).await.unwrap_err();
    assert_eq!(began.elapsed(), limit);
    assert!(late.sent && late.reason.contains("it lives"), "{late:?}");
    assert!(!client.is_lost());
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_neither_pinged_nor_lost() {
    let (client, mut agent) = scripted().await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let asking = tokio::spawn(async move { client.ask(AgentRequest::Status).await });
    let RequestEnvelope { id, ask } = agent.next().await;
    assert!(matches!(ask, AgentRequest::Status) && id == 1);
    tokio::time::sleep(Duration::from_secs(4)).await;
    agent.answer(id, AgentResponse::Pong).await;
    assert!(asking.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn progress_is_a_sign_of_life() {
    let (client, mut agent) = scripted().await;
    let asking = tokio::spawn(async move { client.ask(AgentRequest::Status).await });
    let RequestEnvelope { id, .. } = agent.next().await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(4)).await;
        agent.answer(id, AgentResponse::Waiting { last: "not yet".into() }).await;
    }
    agent.answer(id, AgentResponse::Ready).await;
    assert!(matches!(asking.await.unwrap(), Ok(AgentResponse::Ready)));
    // No ping came: the next line is the end.
    assert!(agent.lines.next_line().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_real_agent_answers_pings_while_it_works() {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let (input, output) = tokio::io::split(theirs);
    tokio::spawn(async move { crate::agent::serve(input, output).await });
    let (output, input) = tokio::io::split(ours);
    let client = AgentClient::connect(AgentLink { input: Box::pin(input), output: Box::pin(output) }, context());
    // Nothing listens there, and the probe says so again and again, but reports it only once.
    let began = Instant::now();
    let ready = ReadyPlan::Tcp { port: 1 };
    let at = Some("127.0.0.1".parse().unwrap());
    let answer = client.ask(AgentRequest::Ready { unit: "api".into(), ready, within_ms: 300_000, at }).await;
    assert!(matches!(answer, Ok(AgentResponse::Failed(_))), "{answer:?}");
    assert!(began.elapsed() >= Duration::from_secs(299));
}

#[tokio::test]
async fn a_broken_connection_fails_its_requests_and_sends_no_more() {
    let (client, mut agent) = scripted().await;
    let action = json!({ "tcp": { "to": "api:80" } });
    let step =
        || AgentRequest::Step { action: Box::new(serde_json::from_value(action.clone()).unwrap()), within_ms: None };
    let broken = async {
        agent.next().await;
        drop(agent);
    };
    let (answer, ()) = tokio::join!(client.ask(step()), broken);
    assert!(answer.unwrap_err().sent);
    assert!(!client.ask(step()).await.unwrap_err().sent);
}
