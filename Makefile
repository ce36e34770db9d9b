# The words of this project. `make` alone lists them.

HANDLER ?= function.handler
EVENT ?= tests/events/api-gateway-v2.json
PORT ?= 9000
VARIANT ?= all
IMAGE ?= lambda-script-runtime
ARCHITECTURE := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,amd64)
# for `docker buildx bake`, as --set '*.contexts.jq=DIRECTORY'
BAKE ?=
export IMAGE

.PHONY: help
help: ## list the words
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: setup
setup: ## install what is missing on Debian: gcc, Bash, jq, curl, ps
	@.ci/setup

.PHONY: try
try: setup ## run a sample handler on a sample event: HANDLER=, EVENT= (a file)
	@cargo build --quiet --release --bin bootstrap
	@cd function && ../target/release/bootstrap "$(HANDLER)" "@$(abspath $(EVENT))"

.PHONY: test
test: ## all tests, with SBCL and the emulator; what else is missing is reported as skipped
	@.ci/setup lisp emulator cgi
	AWS_LAMBDA_RIE=$${AWS_LAMBDA_RIE:-$(CURDIR)/target/tools/aws-lambda-rie} cargo test

.PHONY: soak
soak: ## SOAK_SECONDS= (600) of events while workers are killed: nothing lost, crossed or grown
	@.ci/setup lisp
	cargo test --release --test soak

.PHONY: fuzz
fuzz: ## FUZZ_SECONDS= (600) of each fuzz target, with cargo-fuzz and the toolchain at hand; what it finds joins fuzz/corpus
	for target in $$(cargo fuzz list); do \
	    RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none "$$target" -- -max_total_time=$(or $(FUZZ_SECONDS),600) || exit 1; \
	done

.PHONY: lint
lint: ## format, clippy, shellcheck
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	shellcheck --shell=bash .ci/run .ci/setup src/languages/bash/*.sh src/languages/program/*.sh function/*.sh
	shellcheck --external-sources --check-sourced manage.sh tests/manage/aws tests/manage/docker

.PHONY: bench
bench: bench-programs ## the comparison with a native echo and the curl loop, into benches/ and the README
	BENCH_INTO=$(CURDIR) cargo bench --bench compare

.PHONY: bench-check
bench-check: bench-programs ## the same, but fail on a ratio that is worse than the committed one by more than 20 %
	git show HEAD:benches/RESULTS.json >target/committed.json
	BENCH_AGAINST=$(CURDIR)/target/committed.json cargo bench --bench compare

.PHONY: bench-smoke
bench-smoke: ## the comparison with few events, unoptimized: whether it runs
	cargo build --bin bootstrap --examples
	if command -v sbcl >/dev/null; then $(MAKE) lisp-core; fi
	BENCH_EVENTS=5 BENCH_INTO=$(CURDIR)/target/bench-smoke cargo bench --profile dev --bench compare

.PHONY: bench-programs
bench-programs: setup
	cargo build --release --bins --examples
	if command -v sbcl >/dev/null; then $(MAKE) lisp-core; fi
	if command -v "$${SCRIPT_RUNTIME_PWSH:-pwsh}" >/dev/null; then $(MAKE) powershell-host; fi

.PHONY: image
image: ## the image with every language and function/ inside: IMAGE=
	docker build --tag "$(IMAGE)" .

.PHONY: run-local
run-local: ## serve a handler behind the emulator: HANDLER=, PORT=, VARIANT=bash|lisp|powershell-runtime|all
	@if docker version >/dev/null 2>&1; then \
	    docker buildx bake $(BAKE) rie-$(VARIANT)-al2-$(ARCHITECTURE) && \
	    exec docker run --rm --publish 127.0.0.1:$(PORT):8080 \
	        "$(IMAGE):rie-$(VARIANT)-al2-$(ARCHITECTURE)" "$(HANDLER)"; \
	else \
	    echo "no Docker engine answers: serving the same URL with bootstrap --serve" >&2; \
	    cargo build --quiet --release --bin bootstrap && cd function && \
	    exec ../target/release/bootstrap --serve $(PORT) --watch "$(HANDLER)"; \
	fi

.PHONY: invoke
invoke: ## post an event to what run-local serves: EVENT= (a file), PORT=
	@test -r "$(EVENT)" || { echo "invoke: EVENT is \`$(EVENT)\`, which is no file that can be read" >&2; exit 1; }
	@curl --fail-with-body --silent --show-error --data-binary "@$(EVENT)" \
	    http://127.0.0.1:$(PORT)/2015-03-31/functions/function/invocations
	@echo

.PHONY: lisp-core
lisp-core: ## the Lisp core with the libraries that are here, into target/lisp
	@lisp/build-core.sh target/lisp/runtime.core

.PHONY: powershell-host
powershell-host: ## the host for the `pwsh` that is here, into target/powershell; SCRIPT_RUNTIME_PWSH_HOST names it
	@"$${SCRIPT_RUNTIME_PWSH:-pwsh}" -NoProfile -NonInteractive -File src/languages/powershell/host/build.ps1 \
	    -Output target/powershell/lambda-script-runtime.dll

.PHONY: emulator
emulator: ## the real Runtime Interface Emulator, into target/tools
	@.ci/setup emulator

.PHONY: push create update deploy logs delete
deploy: ## ship the function in FUNCTION_DIR= to AWS, also push, create, update, logs, delete: ./manage.sh --help
push create update deploy logs delete:
	@./manage.sh $@
