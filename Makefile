# One verb each; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash -o pipefail
STATE := .darkroom
UV_VERSION := 0.13.9
UV := $(or $(shell command -v uv),$(STATE)/tools/bin/uv)
# Trust the certificates that the machine trusts.
export UV_SYSTEM_CERTS ?= true
RUN := $(UV) run --frozen --quiet

.PHONY: help
help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STATE)/tools/bin/uv:
	@python3 tools/get_uv.py $(STATE)/tools $(UV_VERSION)

.PHONY: up
up: $(UV) ## Make a cluster, install Darkroom, process a photograph
	@$(RUN) python -m darkroom_cluster.quickstart

.PHONY: down
down: $(UV) ## Remove every process, mount, interface and cgroup that `make up` made
	@$(RUN) python -m darkroom_cluster stop
	@rm -f $(STATE)/env $(STATE)/kubeconfig

.PHONY: test
test: $(UV) ## Run every test there is
	@$(RUN) python tools/test.py

.PHONY: conformance
conformance: $(UV) ## Put the processor's contract to an image: IMAGE=registry/name:tag
	@DARKROOM_CONFORMANCE_IMAGE=$(IMAGE) $(RUN) python tools/test.py \
	  --only tests/e2e/test_custom_processor.py

.PHONY: chaos
chaos: $(UV) ## Break what Darkroom stands on while tasks run; check what is left (15 to 20 minutes)
	@$(RUN) python -m darkroom_cluster.chaos

.PHONY: check
check: $(UV) ## Lint, types, architecture, generated files, documentation
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	MYPYPATH=benchmarks:benchmarks/engines:tools $(RUN) mypy --explicit-package-bases tests tools benchmarks examples
	$(RUN) lint-imports
	$(RUN) python tools/audit.py --offline --uv $(UV)
	$(MAKE) --no-print-directory verify docs

.PHONY: generate
generate: $(UV) ## Write what is made from the models
	$(RUN) python tools/generate.py

.PHONY: verify
verify: $(UV) ## Fail where a generated file or the lock is stale
	$(RUN) python tools/generate.py --check
	$(UV) lock --check --quiet

.PHONY: docs
docs: $(UV) ## Build the site of the documentation; fail at a dead link, anchor or forgotten page
	@NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build --strict

.PHONY: docs-serve
docs-serve: $(UV) ## Show the site while you write, at 127.0.0.1:8001
	@NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs serve --dev-addr 127.0.0.1:8001

.PHONY: audit
audit: $(UV) ## Licences, Dockerfiles, shell, and known vulnerabilities of what the images ship
	@$(RUN) python tools/audit.py --uv $(UV)

.PHONY: sbom
sbom: $(UV) ## Write what each image is made of, as CycloneDX, to .darkroom/sbom
	@mkdir -p $(STATE)/sbom
	@for part in api operator processor; do $(UV) export --quiet --frozen --no-dev --preview-features sbom-export \
	  --package darkroom-$$part --format cyclonedx1.5 -o $(STATE)/sbom/darkroom-$$part.cdx.json > /dev/null && \
	  echo "$(STATE)/sbom/darkroom-$$part.cdx.json"; done

.PHONY: fuzz
fuzz: $(UV) ## Thousands of mutated files of every format through the processor; ARGS='--inputs 5000'
	@$(RUN) python tools/fuzz.py $(ARGS)

.PHONY: bench
bench: $(UV) ## Measure, each figure beside a baseline; ARGS=--help says what can be told
	@$(RUN) python benchmarks/bench.py $(ARGS)

.PHONY: format
format: $(UV) ## Format the code
	$(RUN) ruff format .
	$(RUN) ruff check --fix .
