//! Tests of access between units, and of read access to files and secrets.

use std::collections::BTreeMap;

use dayfly::agent::protocol::{AgentRequest, AgentResponse};
use dayfly::engine::Engine;
use dayfly::plan::{Position, Unit};
use dayfly::secrets::Secrets;

use crate::world::{World, idle, listen, reach, suite, unit};

fn inside(unit: &str) -> Position {
    Position::Inside(unit.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_declared_callers_reach_a_unit() {
    let mut judge = suite("checks", "true", 1000);
    judge.needs.insert("db".into());
    let units = vec![idle("db", &["api", "job"]), idle("api", &[]), idle("job", &[]), idle("stranger", &[])];
    let Some(world) = World::up("access", units, vec![judge], &Secrets::default()).await else { return };
    let (db, api, job, stranger) = (
        world.agent(inside("db")).await,
        world.agent(inside("api")).await,
        world.agent(inside("job")).await,
        world.agent(inside("stranger")).await,
    );
    let at_db = listen(&db, 5000).await;
    let at_api = listen(&api, 5001).await;
    assert!(at_db.len() >= 3 && !at_api.is_empty(), "{at_db:?} {at_api:?}");
    let names = |unit: &str, port: u16| {
        [
            unit.to_owned(),
            format!("{unit}.{}", world.environment()),
            format!("{unit}.{}.svc.cluster.local", world.environment()),
        ]
        .map(|n| format!("{n}:{port}"))
    };

    assert_eq!(reach(&api, &names("db", 5000)).await, names("db", 5000));
    assert_eq!(reach(&job, &names("db", 5000)).await, names("db", 5000));
    // Two callers of the same unit do not see each other.
    assert_eq!(reach(&job, &[&names("api", 5001)[..], &at_api].concat()).await, [""; 0]);
    assert_eq!(reach(&stranger, &[&names("db", 5000)[..], &at_db, &at_api].concat()).await, [""; 0]);

    let control = world.agent(Position::Control).await;
    assert_eq!(reach(&control, &["db:5000".into(), "api:5001".into()]).await, ["db:5000", "api:5001"]);
    let judge = world.agent(Position::Suite("checks".into())).await;
    assert_eq!(reach(&judge, &[&["db:5000".to_owned(), "api:5001".into()][..], &at_api].concat()).await, ["db:5000"]);
    drop((db, api, job, stranger, control, judge));
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn units_reach_neither_host_nor_neighbour_nor_external_names() {
    let Some(world) =
        World::up("noway", vec![idle("api", &[]), idle("db", &["api"])], vec![], &Secrets::default()).await
    else {
        return;
    };
    let bait = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = bait.local_addr().unwrap().port();
    tokio::spawn(async move { while bait.accept().await.is_ok() {} });
    let neighbour = world.agent(Position::Neighbour).await;
    let at_neighbour = listen(&neighbour, 6000).await;
    // Controls: the bait answers where it may be reached.
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok());
    assert_eq!(reach(&neighbour, &at_neighbour).await, at_neighbour);

    let api = world.agent(inside("api")).await;
    let mut hosts = host_addresses();
    // The usual place of a bridge's own address is the first one of each of the unit's networks.
    hosts.extend(listen(&api, 6001).await.iter().map(|a| first_address(a)));
    let hosts: Vec<String> = hosts.iter().map(|h| format!("{h}:{port}")).collect();
    assert!(hosts.len() > 1, "{hosts:?}");
    assert_eq!(reach(&api, &[hosts, at_neighbour.clone()].concat()).await, [""; 0]);
    let asked = api
        .ask(AgentRequest::Names {
            names: vec!["example.com".into(), "deb.debian.org".into()],
            servers: vec![],
            timeout_ms: 3000,
        })
        .await
        .unwrap();
    assert!(matches!(&asked, AgentResponse::Reached { reached, .. } if reached.is_empty()), "{asked:?}");
    drop((api, neighbour));
    world.remove().await;
}

fn host_addresses() -> Vec<String> {
    let text = std::fs::read_to_string("/proc/net/fib_trie").unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let local = lines.windows(2).filter(|w| w[1].contains("/32 host LOCAL")).filter_map(|w| w[0].rsplit(' ').next());
    let mut all: Vec<String> = local.filter(|a| !a.starts_with("127.")).map(str::to_owned).collect();
    all.sort();
    all.dedup();
    all
}

fn first_address(listening: &str) -> String {
    let ip: std::net::Ipv4Addr = listening.rsplit_once(':').unwrap().0.parse().unwrap();
    // True for /24 and for /27 alike.
    std::net::Ipv4Addr::from(u32::from(ip) & !31 | 1).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_own_unit_reads_secrets_and_files() {
    let look = "cd /run/secrets; for f in *; do echo $f=$(cat $f); done; cat /etc/dayfly/app.conf; id -u; hostname; touch /run/secrets/x /etc/dayfly/x /usr/x /nowhere 2>&1 | grep -c Read-only; echo hi >/data/here && cat /data/here; grep -E 'CapEff|NoNewPrivs' /proc/self/status";
    let web = Unit {
        files: BTreeMap::from([("/etc/dayfly/app.conf".to_owned(), b"mode=test\n".to_vec())]),
        writable: vec!["/data".into()],
        ..unit("web", look)
    };
    let other = unit("other", "cat /run/secrets/*; ls /run/secrets");
    let secrets = Secrets {
        public: BTreeMap::new(),
        certified_until: None,
        values: BTreeMap::from([("jwt-key".to_owned(), "s3cr3t-of-web".to_owned())]),
        ca: "THE CA".into(),
        files: BTreeMap::from([(
            "web".to_owned(),
            BTreeMap::from([("jwt-key".to_owned(), b"s3cr3t-of-web".to_vec())]),
        )]),
    };
    let Some(world) = World::up("secrets", vec![web, other], vec![], &secrets).await else { return };
    let said = world.said("web").await;
    assert_eq!(
        said,
        "ca.crt=THE CA\njwt-key=s3cr3t-of-web\nmode=test\n1000\nweb\n4\nhi\nCapEff:\t0000000000000000\nNoNewPrivs:\t1",
        "{said}"
    );
    let said = world.said("other").await;
    assert!(
        said.contains("THE CA") && said.contains("ca.crt") && !said.contains("s3cr3t") && !said.contains("jwt-key"),
        "{said}"
    );

    let kept = world.engine.secrets(world.environment()).await.unwrap();
    assert_eq!((kept.values, kept.ca, kept.files), (secrets.values, secrets.ca, secrets.files));
    let running = world.engine.running_containers(world.environment()).await.unwrap();
    assert_eq!(running.iter().map(|r| r.unit.as_str()).collect::<Vec<_>>(), ["other", "web"]);
    assert!(running.iter().all(|r| r.image_digest.starts_with("sha256:")
        && !r.inspect.contains("s3cr3t")
        && r.inspect.contains("/run/secrets")));
    world.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_copies_answer_to_the_name_of_a_unit() {
    let Some(world) = World::up(
        "copies",
        vec![Unit { replicas: 3, ..idle("web", &["api"]) }, idle("api", &[])],
        vec![],
        &Secrets::default(),
    )
    .await
    else {
        return;
    };
    let api = world.agent(inside("api")).await;
    let asked =
        api.ask(AgentRequest::Names { names: vec!["web".into()], servers: vec![], timeout_ms: 3000 }).await.unwrap();
    let AgentResponse::Reached { reached, .. } = asked else { panic!("{asked:?}") };
    let addresses = reached[0].matches(", ").count() + 1;
    assert_eq!(addresses, 3, "{reached:?}");
    let running = world.engine.running_containers(world.environment()).await.unwrap();
    assert_eq!(running.iter().map(|r| r.unit.as_str()).collect::<Vec<_>>(), ["api", "web", "web-2", "web-3"]);
    drop(api);
    world.remove().await;
}
