//! Backing services, for the stories of both engines: many cases in few environments.

use super::User;
use super::steps::{case, judged};

/// A Redis with users of different rights, a service that may call it, and one that may not.
const CACHE: &str = "services:
  api:
    image: localhost/dayfly/python:1
    command: [python3, -u, -c, \"import os, redis, signal; redis.Redis.from_url(os.environ['REDIS_URL']).set('orders:api', 'kettle'); signal.signal(15, lambda *_: exit(0)); signal.pause()\"]
    needs: [cache]
    secrets: [cache.api]
    secretEnv: { REDIS_URL: 'redis://api:{{secret \"cache.api\"}}@cache:6379/0' }
  stranger:
    image: localhost/dayfly/python:1
    command: [python3, -c, 'import signal; signal.signal(15, lambda *_: exit(0)); signal.pause()']
redis:
  cache:
    image: localhost/dayfly/redis:1
    resources: { memory: 64Mi }
    users:
      api: { keys: ['orders:*'] }
      reader: { commands: [+@read] }
    config: { maxmemory-policy: allkeys-lru }
suites:
  s:
    kind: acceptance
    needs: [cache]
    secrets: [cache.password]
    cases:
";

/// A service and a suite use the same Redis; who may not is refused; each expectation that does not hold fails its case alone.
pub fn redis(user: &User, name: &str) {
    let cases = [
        case(
            "shared",
            &["{ within: 10s, redis: { service: cache, user: reader, command: [GET, 'orders:api'], reply: kettle } }"],
        ),
        case(
            "replies",
            &[
                "redis: { service: cache, command: [RPUSH, list, a, '2'], reply: 2, capture: { size: $ } }",
                "redis: { service: cache, command: [LRANGE, list, '0', '-1'], reply: [a, 2], capture: { last: '$[1]' } }",
                "redis: { service: cache, command: [SET, number, '${size}'], reply: OK }",
                "redis: { service: cache, command: [MGET, number, none], reply: ['${last}', null] }",
                "redis: { service: cache, command: [GET, none], reply: null }",
                "redis: { service: cache, command: [LPUSH, number, a], error: WRONGTYPE }",
                "redis: { service: cache, db: 3, command: [SET, number, other] }",
                "redis: { service: cache, command: [GET, number], reply: '2' }",
                "redis: { service: cache, command: [INFO, memory], contains: 'maxmemory_policy:allkeys-lru' }",
                "redis: { service: cache, password: '{{secret \"cache.password\"}}', command: [PING], reply: PONG }",
            ],
        ),
        case(
            "refusals",
            &[
                "{ name: its key, redis: { service: cache, user: api, command: [SET, 'orders:1', a], reply: OK } }",
                "{ control: its key, redis: { service: cache, user: api, command: [SET, other, a], refused: true } }",
                "{ control: its key, redis: { service: cache, user: api, command: [CONFIG, GET, dir], refused: true } }",
                "{ control: its key, redis: { service: cache, command: [CONFIG, SET, dir, /tmp], refused: true } }",
                "{ control: its key, redis: { service: cache, user: reader, command: [SET, 'orders:1', b], refused: true } }",
                "{ control: its key, redis: { service: cache, user: api, password: wrong, command: [PING], refused: true } }",
                "{ control: its key, redis: { service: cache, user: nobody, password: wrong, command: [PING], refused: true } }",
            ],
        ),
        case(
            "callers",
            &[
                "{ name: inside, from: api, redis: { service: cache, user: api, command: [GET, 'orders:api'], reply: kettle } }",
                "{ name: reached, from: api, tcp: { to: 'cache:6379' } }",
                "{ control: reached, from: stranger, tcp: { to: 'cache:6379', refused: true } }",
            ],
        ),
        case(
            "restart",
            &["restart: { service: cache }", "redis: { service: cache, command: [GET, 'orders:api'], reply: kettle }"],
        ),
        case("tight", &["noSecretsLeaked: {}", "confined: { services: [cache] }"]),
        case("other-reply", &["redis: { service: cache, command: [GET, 'orders:api'], reply: pot }"]),
        case("no-null", &["redis: { service: cache, command: [GET, 'orders:api'], reply: null }"]),
        case("wrong-password", &["redis: { service: cache, password: wrong, command: [PING] }"]),
        case(
            "was-allowed",
            &[
                "{ control: its key, redis: { service: cache, user: reader, command: [GET, 'orders:api'], refused: true } }",
            ],
        ),
        case("no-error", &["redis: { service: cache, command: [PING], error: WRONGTYPE }"]),
        case(
            "not-a-refusal",
            &["{ control: its key, redis: { service: cache, command: [LPUSH, 'orders:api', a], refused: true } }"],
        ),
        case("before-the-command", &["redis: { service: cache, db: 99, command: [GET, a], error: ERR }"]),
        case("not-its-secret", &["{ from: api, redis: { service: cache, user: reader, command: [GET, a] } }"]),
        case("undeclared", &["{ from: stranger, redis: { service: cache, password: x, command: [PING] } }"]),
    ];
    let file = user.describes(name, &(CACHE.to_owned() + &cases.concat()));
    user.runs(&file, "1", &[]).code(5).says("GET on cache as reader must be refused");
    judged(
        &user.report(&format!("{name}-pr-1")),
        &[
            ("shared", "passed", ""),
            ("replies", "passed", ""),
            ("refusals", "passed", ""),
            ("callers", "passed", ""),
            ("restart", "passed", ""),
            ("tight", "passed", ""),
            ("other-reply", "failed", "\"kettle\""),
            ("no-null", "failed", "\"kettle\""),
            ("wrong-password", "failed", "WRONGPASS"),
            ("was-allowed", "failed", "it was allowed: \"kettle\""),
            ("no-error", "failed", "the reply \"PONG\""),
            ("not-a-refusal", "failed", "WRONGTYPE"),
            ("before-the-command", "failed", "before the command: ERR"),
            ("not-its-secret", "inconclusive", "no password for cache.reader"),
            ("undeclared", "failed", "cache:6379"),
        ],
    );
}

/// A store with two buckets, a service that may call it, and one that may not.
const STORE: &str = "services:
  api:
    image: localhost/dayfly/python:1
    command: [python3, -c, 'import signal; signal.signal(15, lambda *_: exit(0)); signal.pause()']
    needs: [store]
    secrets: [store.aws_access_key_id, store.aws_secret_key]
    secretEnv: { AWS_SECRET_ACCESS_KEY: '{{secret \"store.aws_secret_key\"}}' }
  stranger:
    image: localhost/dayfly/python:1
    command: [python3, -c, 'import signal; signal.signal(15, lambda *_: exit(0)); signal.pause()']
s3:
  store: { image: 'localhost/dayfly/s3:1', buckets: [uploads, reports], resources: { memory: 128Mi } }
suites:
  s:
    kind: acceptance
    needs: [store]
    secrets: [store.aws_access_key_id, store.aws_secret_key]
    cases:
";

/// Objects are stored, read, listed and deleted; who may not is refused; each expectation that does not hold fails its case alone.
pub fn s3(user: &User, name: &str) {
    let cases = [
        case(
            "objects",
            &[
                "s3: { service: store, operation: put, bucket: uploads, key: 'a b/ü+1.json', text: '{\"n\": 7}', contentType: application/json }",
                "s3: { service: store, operation: get, bucket: uploads, key: 'a b/ü+1.json', expect: { text: '{\"n\": 7}', headers: { content-type: application/json } }, capture: { n: $.n } }",
                "s3: { service: store, operation: put, bucket: uploads, key: 'n${n}', text: '' }",
                "s3: { service: store, operation: head, bucket: uploads, key: n7, expect: { headers: { content-length: '0' } } }",
                "s3: { service: store, operation: list, bucket: uploads, expect: { keys: [n7, 'a b/ü+1.json'] } }",
                "s3: { service: store, operation: list, bucket: uploads, prefix: 'a b', expect: { keys: ['a b/ü+1.json'] } }",
                "s3: { service: store, operation: list, bucket: reports, expect: { keys: [] } }",
                "s3: { service: store, operation: delete, bucket: uploads, key: n7 }",
                "s3: { service: store, operation: get, bucket: uploads, key: n7, expect: { status: [404], error: NoSuchKey } }",
                "s3: { service: store, operation: head, bucket: uploads, key: n7, expect: { status: [404] } }",
            ],
        ),
        case(
            "refusals",
            &[
                "{ name: signed, s3: { service: store, operation: list, bucket: uploads, accessKey: '{{secret \"store.aws_access_key_id\"}}', secretKey: '{{secret \"store.aws_secret_key\"}}' } }",
                "{ control: signed, s3: { service: store, operation: list, bucket: uploads, anonymous: true, refused: true } }",
                "{ control: signed, s3: { service: store, operation: list, bucket: uploads, accessKey: nobody, refused: true } }",
                "{ control: signed, s3: { service: store, operation: put, bucket: uploads, key: x, text: x, secretKey: wrong, refused: true } }",
            ],
        ),
        case(
            "callers",
            &[
                "{ from: api, s3: { service: store, operation: list, bucket: uploads } }",
                "{ name: reached, from: api, tcp: { to: 'store:9000' } }",
                "{ control: reached, from: stranger, tcp: { to: 'store:9000', refused: true } }",
            ],
        ),
        case(
            "restart",
            &[
                "restart: { service: store }",
                "s3: { service: store, operation: get, bucket: uploads, key: 'a b/ü+1.json', expect: { contains: '7' } }",
            ],
        ),
        case("tight", &["noSecretsLeaked: {}", "confined: { services: [store] }"]),
        case(
            "other-content",
            &["s3: { service: store, operation: get, bucket: uploads, key: 'a b/ü+1.json', expect: { text: '8' } }"],
        ),
        case("other-keys", &["s3: { service: store, operation: list, bucket: uploads, expect: { keys: [n7] } }"]),
        case("no-bucket", &["s3: { service: store, operation: list, bucket: absent }"]),
        case("wrong-key", &["s3: { service: store, operation: list, bucket: uploads, secretKey: wrong }"]),
        case(
            "other-error",
            &["s3: { service: store, operation: get, bucket: uploads, key: none, expect: { error: NoSuchBucket } }"],
        ),
        case(
            "no-key",
            &[
                "s3: { service: store, operation: put, bucket: uploads, key: empty, text: '' }",
                "s3: { service: store, operation: get, bucket: uploads, key: empty, capture: { none: text } }",
                "s3: { service: store, operation: get, bucket: uploads, key: '${none}' }",
            ],
        ),
        case(
            "keys-and-more",
            &["s3: { service: store, operation: list, bucket: reports, expect: { keys: [], contains: never there } }"],
        ),
        case(
            "was-allowed",
            &["{ control: signed, s3: { service: store, operation: list, bucket: uploads, refused: true } }"],
        ),
        case(
            "undeclared",
            &[
                "{ from: stranger, s3: { service: store, operation: list, bucket: uploads, accessKey: a, secretKey: b } }",
            ],
        ),
    ];
    let file = user.describes(name, &(STORE.to_owned() + &cases.concat()));
    user.runs(&file, "1", &[]).code(5).says("list uploads/ on store must be refused");
    judged(
        &user.report(&format!("{name}-pr-1")),
        &[
            ("objects", "passed", ""),
            ("refusals", "passed", ""),
            ("callers", "passed", ""),
            ("restart", "passed", ""),
            ("tight", "passed", ""),
            ("other-content", "failed", "{\"n\": 7}"),
            ("other-keys", "failed", "a b/ü+1.json"),
            ("no-bucket", "failed", "404 Not Found: NoSuchBucket"),
            ("wrong-key", "failed", "403 Forbidden: SignatureDoesNotMatch"),
            ("other-error", "failed", "404 Not Found: NoSuchKey"),
            ("no-key", "failed", "the name of the bucket or the key is empty"),
            ("keys-and-more", "failed", "ListBucketResult"),
            ("was-allowed", "failed", "it was allowed"),
            ("undeclared", "failed", "failed to lookup"),
        ],
    );
}

/// An image that is not what its section says is never ready, and the run says why.
pub fn wrong_image(user: &User, name: &str) {
    let file = user.describes(
        name,
        "redis:\n  cache: { image: 'localhost/dayfly/hello:1', within: 5s }\nsuites:\n  s: { kind: acceptance, needs: [cache], cases: [ { id: A1, name: a, steps: [ wait: { for: 1ms } ] } ] }\n",
    );
    user.runs(&file, "1", &[]).code(4).says("cache");
    user.finds_nothing_of(&format!("{name}-pr-1"));
}

/// Configuration, variables and files reach a database and the broker, and a change of them is an update.
#[track_caller]
pub fn stores(user: &User, name: &str) {
    let description = |timeout: u32| {
        format!(
            r#"databases:
  pg:
    image: localhost/dayfly/postgres:1
    roles: [app]
    config: {{ max_connections: 33, hba_file: /etc/dayfly/hba.conf }}
    env: {{ TZ: Europe/Oslo }}
    files: {{ /etc/dayfly/hba.conf: {{ text: "local all all trust\nhost all all all scram-sha-256\n" }} }}
broker:
  image: localhost/dayfly/rabbitmq:1
  vhosts: {{ shop: {{ queues: {{ orders: {{}} }} }} }}
  users: {{ app: {{ permissions: {{ shop: {{ read: '.*' }} }} }} }}
  config: {{ consumer_timeout: {timeout} }}
  env: {{ TZ: Europe/Rome }}
  files: {{ /etc/dayfly/note: {{ text: a note }} }}
suites:
  s:
    kind: acceptance
    needs: [pg]
    cases:
      - id: A1
        name: the server was started so
        steps:
          - sql: {{ database: pg, role: app, query: SHOW max_connections, rows: [["33"]] }}
          - sql: {{ database: pg, role: app, query: "SELECT name FROM pg_settings WHERE name = 'max_connections' AND source = 'command line'", rows: [["max_connections"]] }}
"#
        )
    };
    let environment = format!("{name}-pr-1");
    user.owns(&environment);
    let file = user.describes(name, &description(900_001));
    user.dayfly(&["up", &file, "--pr", "1"]).code(0);
    user.dayfly(&["test", &environment]).code(0);
    let inside =
        |unit: &str, script: &str| user.dayfly(&["exec", &environment, unit, "--", "sh", "-c", script]).code(0).out;
    assert_eq!(
        inside("pg", "echo $TZ; tail -n 1 /etc/dayfly/hba.conf"),
        "Europe/Oslo\nhost all all all scram-sha-256\n"
    );
    assert_eq!(
        inside("mq", "grep consumer /run/secrets/rabbitmq.conf; echo $TZ; cat /etc/dayfly/note"),
        "consumer_timeout = 900001\nEurope/Rome\na note"
    );
    user.describes(name, &description(900_002));
    user.dayfly(&["diff", &file, &environment]).code(11).says("mq: config.consumer_timeout").says("1 unit(s) stay");
    user.dayfly(&["down", &environment]).code(0);
    user.finds_nothing_of(&environment);
}
