# Everything a newcomer or CI calls. `make run` needs Python 3.11, python3-venv and make.

PYTHON ?= $(firstword $(wildcard /usr/bin/python3.11) $(shell command -v python3.11) python3)
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
FAST   := not slow and not nightly
JOBS   ?= 2
RADOS := $(wildcard /usr/lib/python3/dist-packages/rados.cpython-*.so)
CEPH := ceph-mon ceph-mgr ceph-osd ceph-common python3-rados
JAVASCRIPT := tests/clients/javascript
S3A := tests/clients/s3a
NIGHTLY := attacks clients disk drain growth kill-points kills lost nemeses power schedules space suite

# Tests start hundreds of servers: compiled modules halve what each start costs.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run run-hbase run-cluster install rados check test parts lint nightly clean $(NIGHTLY:%=nightly-%)

run: install
	@exec $(BIN)/ocean serve

run-hbase: install
	@exec $(BIN)/python deploy/hbase/run-all

run-cluster: install
	@exec $(BIN)/python deploy/hbase/run-all --ceph

install: $(VENV)/.installed rados

# The distribution's module for Ceph is in no package index: where it is there, it is linked.
rados: $(VENV)/.installed
	@test -z "$(RADOS)" || ! test -x $(BIN)/python || ln -sf $(RADOS) \
	  "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')"

$(VENV)/.installed: pyproject.toml requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "make: Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1)" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "make: the package python3-venv is missing: apt install python3-venv" >&2; exit 2; }
	@echo "Installing into $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
	  || { echo "make: $(VENV) cannot be made here" >&2; exit 2; }
	@$(PIP) install -r requirements.txt \
	  || { echo "make: the packages of requirements.txt could not be installed" >&2; exit 2; }
	@$(PIP) install --no-deps --editable . \
	  || { echo "make: the project could not be installed into $(VENV)" >&2; exit 2; }
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed requirements-test.txt
	@echo "Installing what the tests need ..."
	@$(PIP) install -r requirements-test.txt \
	  || { echo "make: the packages of requirements-test.txt could not be installed" >&2; exit 2; }
	@touch $@

lint: $(VENV)/.installed-test
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --check .; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports

# Under a minute: what to run before each commit.
check: lint
	@$(BIN)/pytest -q -n $(JOBS) --dist loadgroup -m "$(FAST)"

# Everything but the nightly parts.
test: lint parts
	@$(BIN)/pytest -q -n $(JOBS) --dist loadgroup -m "not nightly"

# What the tests start, beside what apt installs.
parts: rados $(JAVASCRIPT)/node_modules/.installed
	@deploy/hbase/run --fetch
	@command -v memcached >/dev/null \
	  || { echo "make: memcached is missing: apt install memcached" >&2; exit 2; }
	@command -v ceph-osd >/dev/null && $(BIN)/python -c 'import rados' 2>/dev/null \
	  || { echo "make: Ceph is missing: apt install --no-install-recommends $(CEPH)" >&2; exit 2; }

$(JAVASCRIPT)/node_modules/.installed: $(JAVASCRIPT)/package-lock.json
	@command -v npm >/dev/null \
	  || { echo "make: npm is missing: apt install nodejs npm" >&2; exit 2; }
	@npm --prefix $(JAVASCRIPT) ci --no-audit --no-fund --loglevel=error >/dev/null \
	  || { echo "make: the AWS SDK for JavaScript could not be installed" >&2; exit 2; }
	@touch $@

$(S3A)/target/.fetched: $(S3A)/pom.xml
	@rm -rf $(S3A)/target
	@mvn -B -q -ntp -f $(S3A)/pom.xml dependency:copy-dependencies >/dev/null \
	  || { echo "make: the jars of s3a could not be fetched" >&2; exit 2; }
	@touch $@

# What takes longer, in parts of less than an hour on two cores: all of them, or PART=kills.
# `make -k nightly` goes on after a part that failed.
nightly: $(addprefix nightly-,$(or $(PART),$(NIGHTLY)))

$(NIGHTLY:%=nightly-%): nightly-%: $(VENV)/.installed-test parts
	@echo "nightly $*:"
	@$(BIN)/pytest -q -n $(JOBS) --dist loadgroup -m 'nightly(part="$*")'

nightly-clients: $(S3A)/target/.fetched

nightly-%:
	@echo "make: nightly has no part $*, but $(NIGHTLY)" >&2; exit 2

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .hypothesis \
	  $(JAVASCRIPT)/node_modules $(S3A)/target
