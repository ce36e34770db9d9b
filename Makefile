# The words of this project. `make` alone lists them.

HANDLER ?= function.handler
EVENT ?= tests/events/api-gateway-v2.json

.PHONY: help
help: ## list the words
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: setup
setup: ## install what is missing on Debian: gcc, Bash, jq, curl
	@.ci/setup

.PHONY: try
try: setup ## run a sample handler on a sample event: HANDLER=, EVENT= (a file)
	@cargo build --quiet --release --bin bootstrap
	@cd function && ../target/release/bootstrap "$(HANDLER)" "@$(abspath $(EVENT))"

.PHONY: test
test: ## all tests, with SBCL and the emulator; what else is missing is reported as skipped
	@.ci/setup lisp emulator
	AWS_LAMBDA_RIE=$${AWS_LAMBDA_RIE:-$(CURDIR)/target/tools/aws-lambda-rie} cargo test

.PHONY: lint
lint: ## format, clippy, shellcheck
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	shellcheck --shell=bash .ci/run .ci/setup src/shims/*.sh function/*.sh
	shellcheck --external-sources --check-sourced manage.sh tests/manage/aws tests/manage/docker

.PHONY: bench
bench: setup ## the comparison with a native echo and the curl loop
	cargo build --release --bins --examples
	if command -v sbcl >/dev/null; then $(MAKE) lisp-core; fi
	cargo bench --bench compare

.PHONY: lisp-core
lisp-core: ## the Lisp core with the libraries that are here, into target/lisp
	@lisp/build-core.sh target/lisp/runtime.core

.PHONY: emulator
emulator: ## the real Runtime Interface Emulator, into target/tools
	@.ci/setup emulator

.PHONY: push create update deploy invoke logs delete
deploy: ## ship the function in FUNCTION_DIR= to AWS, also push, create, update, invoke, logs, delete: ./manage.sh --help
push create update deploy invoke logs delete:
	@./manage.sh $@
