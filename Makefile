# The two commands of the README are `make demo` and `make test`; the rest is for those who work on dayfly.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: demo test setup build image images bench fuzz lint audit clean-demo

EVIDENCE ?= .dayfly/evidence
KEY ?= .dayfly/demo-key.pem
# Exported: it overrides a target folder in the configuration of cargo, so that the binary is where the recipes look.
export CARGO_TARGET_DIR ?= $(CURDIR)/target
DAYFLY := $(CARGO_TARGET_DIR)/release/dayfly
# Everything that talks to containers first makes sure that an engine answers, and says which.
ENGINE := eval "$$(tests/engine-setup)"

# Installs what is missing, builds dayfly, runs the flagship environment and shows what came of it.
demo: setup build
	@$(ENGINE); examples/images
	@[ -f $(KEY) ] || { mkdir -p $(dir $(KEY)); $(DAYFLY) key generate $(KEY); }
	@$(ENGINE); tests/demo $(DAYFLY) $(KEY) $(EVIDENCE)

# dayfly's own image, for clusters: push it to where nodes can pull it.
image: build
	@$(ENGINE); export CONTAINER_HOST=$$DOCKER_HOST; \
	    if command -v podman >/dev/null; then $(DAYFLY) image | podman --remote load; else $(DAYFLY) image | docker load; fi

# Every test; those in a cluster where there is one, or where Kubernetes' server binaries are. It must pass on a machine that has seen nothing of dayfly before.
test: setup
	@tests/verifiers/setup
	@$(ENGINE); examples/images; eval "$$(tests/cluster-setup)"; tests/all

setup:
	@tests/setup

build:
	cargo build --release --locked

images:
	@$(ENGINE); examples/images

# Measures dayfly against what a person would type, side by side, and the controller with many objects; see docs/performance*.md.
bench: build
	@$(ENGINE); examples/images; tests/bench/run $(DAYFLY)
	@$(ENGINE); tests/verifiers/setup; tests/bench/dependencies $(DAYFLY)
	@$(ENGINE); eval "$$(tests/cluster-setup)"; [ -z "$${DAYFLY_TEST_CLUSTER_SETUP:-}" ] || { \
	    tests/cluster-setup images $(DAYFLY); export KUBECONFIG=$$DAYFLY_TEST_ADMIN_KUBECONFIG; tests/bench/cluster $(DAYFLY); tests/bench/controller $(DAYFLY); }

# A minute of each fuzz target; `make test` runs ten seconds of each.
fuzz: setup
	tests/fuzz/run 60

lint:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

# Licences, sources and bans of every dependency (needs cargo-deny, which takes minutes to build, so that `make test` does without it), the
# register, and known vulnerabilities, by the advisories that ADVISORIES names; without them, nothing is known, and that is a failure.
audit: build
	cargo deny --locked check bans licenses sources
	$(DAYFLY) deps check .
	$(DAYFLY) scan . --sbom dayfly.cdx.json --csv dayfly-findings.csv $(if $(ADVISORIES),--advisories $(ADVISORIES)) $(if $(ADVISORIES_KEY),--advisories-key $(ADVISORIES_KEY))
