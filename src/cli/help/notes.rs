//! Examples and exit codes of every subcommand. Data only.

/// Examples of the whole command line.
pub(super) const TOP_EXAMPLES: &str = "Examples:
  dayfly init                                   write a description, an example suite and the file for CI
  dayfly up                                     start the environment of the nearest environment.yaml
  dayfly run --pr 7                             start, test, report, sign, remove";

/// Every exit code.
pub(super) const EXIT_CODES: &str = "Exit codes:
  0  passed                          5  an acceptance suite failed      10  verification refused
  1  unexpected error, or superseded 6  a security suite failed        130  interrupted
  2  usage, or invalid description   7  inconclusive
  3  no capacity                     8  no evidence
  4  not ready, or a service ended   9  something could not be removed  11  `diff` found differences";

/// Codes of a subcommand that only reads its input.
macro_rules! reads {
    ($examples:literal) => {
        concat!(
            "Examples:\n",
            $examples,
            "\n\nExit codes: 0 done; 1 unexpected error; 2 usage, or input that cannot be read"
        )
    };
}

/// Codes of a subcommand that asks an engine about an environment.
macro_rules! asks {
    ($examples:literal) => {
        concat!(
            "Examples:\n",
            $examples,
            "\n\nExit codes: 0 done; 1 the engine failed; 2 usage, or no such environment; 3 no capacity; 130 interrupted"
        )
    };
}

/// The notes of a subcommand by its path, such as `key generate`; none for those of machines.
pub(super) fn of(path: &str) -> Option<&'static str> {
    Some(match path {
        "init" => reads!("  dayfly init\n  dayfly init --compose docker-compose.yml --forge gitlab --yes"),
        "import" => reads!("  dayfly import compose compose.yaml --out environment.yaml"),
        "import compose" => reads!(
            "  dayfly import compose compose.yaml --out environment.yaml\n  docker compose config > merged.yaml && dayfly import compose merged.yaml    (several files, include, extends)"
        ),
        "import kubernetes" => reads!(
            "  helm template shop ./chart | dayfly import kubernetes - --out environment.yaml\n  kustomize build overlays/test | dayfly import kubernetes -"
        ),
        "validate" => {
            "Examples:\n  dayfly validate\n  dayfly validate environments/shop --deny-warnings --output json\n\nExit codes: 0 valid; 2 errors, or warnings with --deny-warnings"
        }
        "schema" => reads!("  dayfly schema > .dayfly.schema.json"),
        "plan" => reads!("  dayfly plan\n  dayfly plan environments/shop --graph mermaid"),
        "render" => reads!("  dayfly render environments/shop --pr 7 | kubectl apply --dry-run=server -f -"),
        "up" => {
            "Examples:\n  dayfly up\n  dayfly up environments/shop --pr 7 --set replicas=2\n\nExit codes: 0 up; 1 unexpected error, or superseded; 2 usage, or invalid description; 3 no capacity; 4 not ready; 9 something could not be removed; 130 interrupted"
        }
        "diff" => {
            "Examples:\n  dayfly diff\n  dayfly diff environments/shop --pr 7 --image api=registry.example/shop/api:2\n\nExit codes: 0 nothing differs; 11 something differs; 1 the engine failed; 2 usage, invalid description, or no such environment"
        }
        "watch" => {
            "Examples:\n  dayfly watch\n  dayfly watch environments/shop --pr 7\n\nExit codes: 0 interrupted, and the environment stays; 1 unexpected error; 2 usage"
        }
        "test" => {
            "Examples:\n  dayfly test shop-pr-7\n  dayfly test shop-pr-7 --suite orders\n  dayfly test shop-pr-7 --case A3 --out tested.json\n  dayfly test shop-pr-7 --failed tested.json\n\nExit codes: as `dayfly run`, without 8 and 9"
        }
        "run" => {
            "Examples:\n  dayfly run --pr 7\n  dayfly run environments/shop --pr 7 --commit \"$SHA\" --key ci-key.pem --evidence evidence\n  dayfly run --unsigned\n\nExit codes: 0 passed; 1 unexpected error, or superseded; 2 usage, or invalid description; 3 no capacity; 4 not ready, or a service ended; 5 an acceptance suite failed; 6 a security or dependencies suite failed; 7 inconclusive; 8 no evidence; 9 something could not be removed; 130 interrupted"
        }
        "submit" => {
            "Examples:\n  dayfly submit environments/shop --pr 7 --commit \"$SHA\" --wait\n\nExit codes: with --wait those of `dayfly run`; otherwise 0 submitted; 1 the API server refused; 2 usage, or invalid description; 130 interrupted"
        }
        "list" => asks!("  dayfly list\n  dayfly list --engine local,kubernetes --output json"),
        "status" => asks!("  dayfly status shop-pr-7"),
        "logs" => asks!("  dayfly logs shop-pr-7 api --follow\n  dayfly logs shop-pr-7 api --evidence evidence"),
        "secrets" => asks!("  dayfly secrets shop-pr-7\n  dayfly secrets shop-pr-7 pg.app --reveal"),
        "forward" => asks!("  dayfly forward shop-pr-7 web"),
        "exec" => {
            "Examples:\n  dayfly exec shop-pr-7 api\n  dayfly exec shop-pr-7 pg -- psql --version\n\nExit codes: that of the command; 126 it could not be started; 1 the engine failed; 2 usage, or no such environment or service; 130 interrupted"
        }
        "cp" => {
            "Examples:\n  dayfly cp shop-pr-7:api:/srv/report.json .\n  dayfly cp fixtures shop-pr-7:api:/tmp/\n  dayfly cp fixtures/. shop-pr-7:api:/tmp\n\nExit codes: 0 copied; 1 the copy failed; 2 usage, or no such environment or service; 130 interrupted"
        }
        "down" => {
            "Examples:\n  dayfly down shop-pr-7\n  dayfly down environments/shop --pr 7 --ignore-not-found\n\nExit codes: 0 removed; 1 the engine failed; 2 usage, or no such environment; 9 something could not be removed; 130 interrupted"
        }
        "extend" => asks!("  dayfly extend shop-pr-7 8h"),
        "keep" => asks!("  dayfly keep shop-pr-7 --reason \"look at the queue\"\n  dayfly keep shop-pr-7 --release"),
        "reap" => {
            "Examples:\n  dayfly reap --expired --orphans --dry-run\n  dayfly reap --expired --idle 24h --key reaper.pem --evidence removals\n\nExit codes: 0 done; 1 the engine failed; 2 usage; 7 the list of open pull requests is uncertain, so that nothing was removed by it; 8 a record could not be stored; 9 something could not be removed; 130 interrupted"
        }
        "open" => {
            "Examples:\n  dayfly open\n  dayfly open shop-pr-7\n\nExit codes: 0 opened; 1 no browser could be started; 2 usage, or there is no such run"
        }
        "report" => reads!("  dayfly report evidence\n  dayfly report evidence --format html --out report.html"),
        "verify" => {
            "Examples:\n  dayfly verify evidence --public-key ci-key.pem.pub --commit \"$SHA\" --require-passed\n\nExit codes: 0 verified; 2 usage; 10 refused"
        }
        "publish" => {
            "Examples:\n  dayfly publish status evidence --public-key ci-key.pem.pub --commit \"$SHA\" --pr 7 \\\n    --forge github --repository team/shop\n\nExit codes: those of the actions"
        }
        "publish comment" => {
            "Examples:\n  dayfly publish comment evidence --public-key ci-key.pem.pub --commit \"$SHA\" --pr 7 \\\n    --forge github --repository team/shop\n\nExit codes: 0 written; 1 the forge did not take it; 2 usage; 10 written that there is no evidence that could be verified"
        }
        "publish status" => {
            "Examples:\n  dayfly publish status evidence --public-key ci-key.pem.pub --commit \"$SHA\" --pr 7 \\\n    --forge github --repository team/shop\n\nExit codes: 0 set; 1 the forge did not take it; 2 usage; 10 set to failure, because there is no evidence that could be verified"
        }
        "audit" => {
            "Examples:\n  dayfly audit --from 2026-01-01 --to 2026-12-31 --out audit --public-key ci-key.pem.pub --log-public-key log.pub --branch main\n\nExit codes: 0 nothing is missing; 2 usage; 8 evidence could not be read, or the audit not written; 10 there are findings"
        }
        "gate" => {
            "Examples:\n  kustomize build overlays/prod | dayfly gate - --policy gate.yaml --key gate-key.pem\n  dayfly gate --image registry.example/shop/api@sha256:… --policy gate.yaml --dry-run\n\nExit codes: 0 allowed; 2 usage, or input that cannot be read; 8 the evidence could not be read, or the decision not recorded; 10 denied"
        }
        "gate explain" => {
            "Examples:\n  dayfly gate explain evidence/decisions/2026-12-01/ID --public-key gate-key.pem.pub\n\nExit codes: 0 shown; 2 usage, or no such decision; 10 refused"
        }
        "scan" => {
            "Examples:\n  dayfly scan --advisories advisories.bundle\n  dayfly scan requirements.txt --advisories advisories.bundle --sarif scan.sarif\n  dayfly scan localhost/app:1 --advisories advisories.bundle\n\nExit codes: 0 passed; 6 failed; 7 inconclusive; 1 unexpected error; 2 usage, or a lock file that cannot be read; 4 no engine, or no such image"
        }
        "deps" => {
            "Examples:\n  dayfly deps diff origin/main --advisories advisories.bundle\n  dayfly deps check\n\nExit codes: those of the actions"
        }
        "deps check" => {
            "Examples:\n  dayfly deps check\n  dayfly deps check services/shop --policy policy.yaml\n\nExit codes: 0 passed; 6 failed; 7 inconclusive; 1 unexpected error; 2 usage, or a file that cannot be read"
        }
        "deps draft" => reads!("  dayfly deps draft\n  dayfly deps draft --write"),
        "deps list" => reads!("  dayfly deps list\n  dayfly deps list --csv register.csv"),
        "deps diff" => {
            "BASE and HEAD are revisions of the repository around the working folder, compared from the last commit that both have, or folders. A policy inside of the repository is read from BASE.\n\nExamples:\n  dayfly deps diff origin/main --advisories advisories.bundle\n  dayfly deps diff origin/main HEAD --policy policy.yaml --markdown dependencies.md\n  dayfly deps diff ./before ./after --output json\n\nExit codes: 0 passed; 6 failed; 7 inconclusive; 1 unexpected error; 2 usage, no such revision, or a lock file that cannot be read"
        }
        "advisories" => reads!(
            "  dayfly advisories import osv/PyPI/all.zip --out advisories.bundle --key key.pem\n  dayfly advisories show --advisories advisories.bundle"
        ),
        "advisories import" => reads!(
            "  dayfly advisories import osv/PyPI/all.zip --out advisories.bundle --key key.pem\n  dayfly advisories import pypa rustsec --kev kev.json --epss epss.csv.gz --out advisories.bundle"
        ),
        "advisories serve" => {
            "Examples:\n  dayfly advisories serve --advisories advisories.bundle --port 8085 &\n  pip-audit -s osv --osv-url http://127.0.0.1:8085/v1/query -r requirements.txt\n\nExit codes: 0 interrupted; 1 unexpected error; 2 usage; 10 the bundle cannot be trusted"
        }
        "advisories show" => {
            "Examples:\n  dayfly advisories show --advisories advisories.bundle --advisories-key key.pem.pub --check\n  dayfly advisories show CVE-2024-3094 --advisories advisories.bundle\n\nExit codes: 0 done; 1 unexpected error; 2 usage, or no such record; 10 the bundle cannot be trusted"
        }
        "log" => {
            "Examples:\n  dayfly key generate log-key.pem --kind ed25519\n  dayfly log create --origin git.example/team/evidence --log-key log-key.pem\n  dayfly log verify --log-public-key log-key.pem.vkey\n\nExit codes: those of the actions"
        }
        "log create" => {
            "Examples:\n  dayfly log create --origin git.example/team/evidence --log-key log-key.pem\n\nExit codes: 0 created; 2 usage, or there is a log already; 8 it could not be written"
        }
        "log show" => {
            "Examples:\n  dayfly log show --log-public-key log-key.pem.vkey\n  dayfly log show shop-pr-7 --log-public-key log-key.pem.vkey --output json\n\nExit codes: 0 done; 2 usage, or there is no log; 10 the log cannot be trusted"
        }
        "log verify" => {
            "Examples:\n  dayfly log verify --log-public-key log-key.pem.vkey\n  dayfly log verify --log-public-key log-key.pem.vkey --witness witness.pem.vkey --max-age 1d\n\nExit codes: 0 verified; 2 usage, or there is no log; 8 the evidence could not be read; 10 the log cannot be trusted, evidence is missing or unrecorded, or a witness did not sign all"
        }
        "log witness" => {
            "Examples:\n  dayfly log witness evidence --log-public-key log.vkey --witness-key w.pem --name audit --seen w\n\nExit codes: 0 signed; 2 usage, or there is no log; 8 the memory or the signature could not be written; 10 the log does not extend what the witness saw"
        }
        "key" => reads!("  dayfly key generate\n  dayfly key show ci-key.pem.pub"),
        "key generate" => reads!("  dayfly key generate\n  dayfly key generate ci-key.pem --passphrase"),
        "key list" => reads!("  dayfly key list keys.yaml"),
        "key show" => reads!("  dayfly key show ci-key.pem.pub"),
        "image" => reads!("  dayfly image | podman load"),
        "doctor" => {
            "Examples:\n  dayfly doctor\n  dayfly doctor environments/shop --engine kubernetes\n\nExit codes: 0 everything is there; 2 usage, or invalid description; 4 something is missing"
        }
        "config" => reads!("  dayfly config\n  dayfly config environments/shop --output json"),
        "completions" => reads!("  dayfly completions bash > ~/.local/share/bash-completion/completions/dayfly"),
        "man" => reads!("  dayfly man ~/.local/share/man/man1"),
        "controller" => reads!("  dayfly controller --help"),
        "install" => {
            "Examples:\n  dayfly install --dry-run\n  dayfly install --image registry.example/dayfly:1\n\nExit codes: 0 installed; 1 the cluster refused, or the controller is not available in time; 2 usage"
        }
        "uninstall" => {
            "Examples:\n  dayfly uninstall\n\nExit codes: 0 removed; 1 the cluster refused; 2 usage; 9 something could not be removed"
        }
        _ => return None,
    })
}
