#!/usr/bin/env bash
# Installs what building and testing Cadge needs on Debian and Ubuntu. Prints what it installs, and
# does nothing where nothing is missing.
#
#   scripts/setup.sh build   compilers and headers
#   scripts/setup.sh test    what the real counterparts in the tests run on: Java for Kafka, Python's gRPC,
#                            Falco's own clients for Go and Python, Prometheus
#   scripts/setup.sh kernel  what the tests on the live kernel run: containerd, Docker, Podman
set -euo pipefail
cd "$(dirname "$0")/.."

# One line each: a command or file that shows the package is there, the package, what for.
build_needs() {
    cat <<'LIST'
cc                             build-essential  the C compiler
make                           make             this Makefile
cmake                          cmake            librdkafka
clang                          clang            the eBPF programs
/usr/include/bpf/bpf_helpers.h libbpf-dev       the eBPF programs' headers
/usr/include/zlib.h            zlib1g-dev       librdkafka
/usr/include/openssl/ssl.h     libssl-dev       librdkafka
pkg-config                     pkg-config       finding OpenSSL
LIST
}

test_needs() {
    cat <<'LIST'
java                           default-jre-headless  the Kafka broker
mvn                            maven                 the Kafka broker
python3                        python3               the Python client
go                             golang-go             the Go client (1.19 or later)
curl                           curl                  alerts as Falco sends them
LIST
}

present() {
    case $1 in
        /*) [ -e "$1" ] ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

install_missing() {
    local packages=() sign package purpose
    while read -r sign package purpose; do
        present "$sign" || { echo "setup: $package is missing ($purpose)"; packages+=("$package"); }
    done
    [ ${#packages[@]} -eq 0 ] && return
    if ! command -v apt-get >/dev/null; then
        echo "setup: this is not Debian or Ubuntu: install what the lines above name" >&2
        exit 1
    fi
    local sudo=()
    [ "$(id -u)" -eq 0 ] || sudo=(sudo)
    echo "setup: apt-get install ${packages[*]}"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}

# An environment of Python's below target/: its name there, what it is for, the modules that show it is whole, and what
# pip is to install. `venv` needs no package of the system's where `ensurepip` is there, and python3-venv brings that.
python_environment() {
    local folder=target/$1 what=$2 modules=$3
    shift 3
    [ -x "$folder/bin/python" ] && "$folder/bin/python" -c "import $modules" 2>/dev/null && return
    echo "setup: $what into $folder"
    python3 -c 'import ensurepip' 2>/dev/null || install_missing <<< "/usr/share/doc/python3-venv python3-venv the Python client"
    python3 -m venv "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"
}

# The Python client of the tests.
python_client() {
    python_environment python "Python's gRPC packages" 'grpc, grpc_tools' grpcio grpcio-tools
}

# Falco's Python client, unmodified. It pins versions of 2020 that today's Python cannot build, and
# works with these: its generated code needs protobuf 3, and nothing of what is newer matters to it.
falco_python_client() {
    local folder=target/python-falco
    python_environment python-falco "Falco's Python client" 'google.protobuf, grpc, dateutil' \
        protobuf==3.20.3 grpcio python-dateutil || return
    "$folder/bin/python" -c 'import falco' 2>/dev/null ||
        "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps falco==0.4.0
}

# Falco's Go client, unmodified, in a program of ours. What it is built of is pinned by go.sum.
falco_go_client() {
    local program=target/clients/go-client source=cli/tests/clients/go
    [ -z "$(find "$source" -newer "$program" 2>&1)" ] && return
    echo "setup: Falco's Go client into target/clients"
    (cd "$source" && GOFLAGS="-mod=readonly -buildvcs=false" go build -o "$OLDPWD/$program" .)
}

# What makes the SDKs' code for Python and Go out of proto/, and checks Go. The versions are part of what is made.
stub_generators() {
    python_environment python-stubs "generators of Python's stubs" 'grpc_tools.protoc' grpcio-tools==1.76.0 || return
    local folder=$PWD/target/stubs/bin
    [ -z "$(find scripts/go-tools -newer "$folder/protoc-gen-go" 2>&1)" ] && return
    echo "setup: generators of Go's stubs into target/stubs"
    mkdir -p "$folder"
    (cd scripts/go-tools && GOBIN=$folder GOFLAGS="-mod=readonly -buildvcs=false" go install tool && touch "$folder"/*)
}

# What the tests of the Python SDK run with. The package itself is tested from the tree, with the newest of what it needs.
python_sdk() {
    python_environment python-sdk "what the Python SDK is tested with" \
        'grpc, google.protobuf, pytest, mypy, nbclient, ipykernel, build, hatchling, confluent_kafka' \
        grpcio protobuf pytest build 'hatchling>=1.27' mypy==2.4.1 types-grpcio==1.85.0.20261028 \
        types-protobuf==7.35.1.20260906 nbclient ipykernel confluent-kafka
}

# Prometheus without its service: the package is unpacked, not installed, so nothing of it is started.
prometheus_commands() {
    command -v prometheus >/dev/null && command -v promtool >/dev/null && return
    [ -x target/prometheus/usr/bin/promtool ] && return
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return
    echo "setup: Prometheus into target/prometheus"
    mkdir -p target/prometheus
    (cd target/prometheus && apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb)
}

# Servers that the tests of integrations start for themselves, each with the package that has it.
counterparts() {
    cat <<'LIST'
mosquitto                mosquitto
mosquitto_sub            mosquitto-clients
nats-server              nats-server
pg_lsclusters            postgresql
prometheus-alertmanager  prometheus-alertmanager
rabbitmq-server          rabbitmq-server
redis-server             redis-server
rsyslogd                 rsyslog-gnutls
LIST
}

# They are unpacked with what they need, not installed: so nothing of them is started as a service.
unpack_counterparts() {
    local packages=() command package folder=$PWD/target/counterparts
    while read -r command package; do
        PATH=$PATH:/usr/sbin:$folder/usr/bin:$folder/usr/sbin command -v "$command" >/dev/null || packages+=("$package")
    done < <(counterparts)
    [ ${#packages[@]} -eq 0 ] && return
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return
    echo "setup: ${packages[*]} into target/counterparts"
    mkdir -p "$folder/debs/partial"
    apt-get install -y -qq --no-install-recommends --download-only -o Debug::NoLocking=1 \
        -o Dir::Cache::archives="$folder/debs" "${packages[@]}" >/dev/null
    for package in "$folder"/debs/*.deb; do dpkg-deb -x "$package" "$folder"; done
    rm -r "$folder/debs"
}

# Container runtimes, unpacked as the servers are, but on their own: they are large.
container_runtimes() {
    local folder=$PWD/target/containers package
    [ -x "$folder/usr/bin/podman" ] && [ -x "$folder/usr/sbin/dockerd" ] && [ -x "$folder/usr/bin/containerd" ] && return
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return
    echo "setup: containerd, Docker and Podman into target/containers"
    mkdir -p "$folder/debs/partial"
    apt-get install -y -qq --no-install-recommends --download-only -o Debug::NoLocking=1 \
        -o Dir::Cache::archives="$folder/debs" containerd runc docker.io podman conmon >/dev/null
    for package in "$folder"/debs/*.deb; do dpkg-deb -x "$package" "$folder"; done
    rm -r "$folder/debs"
}

# Servers that no package of Debian's has, built in a module of ours. What they are built of is pinned by go.sum.
go_server() {
    local program=$PWD/target/counterparts/usr/bin/$1 source=integrations/tests/servers/$2 package=$3
    [ -z "$(find "$source" -newer "$program" 2>&1)" ] && return
    echo "setup: $1 into target/counterparts"
    mkdir -p "${program%/*}"
    (cd "$source" && GOFLAGS="-mod=readonly -buildvcs=false" go build -ldflags "-s -w" -o "$program" "$package")
}

# A mail server.
mail_server() {
    python_environment python-smtp "a mail server" aiosmtpd aiosmtpd==1.4.6
}

# AWS's services, as moto has them. What it needs also checks the signatures that are made for Google.
aws_services() {
    python_environment python-aws "AWS's services" 'moto.server, moto.s3, boto3' 'moto[s3]==5.2.5' flask flask-cors
}

# A server of Google Cloud Storage's protocol. The version is one that Debian's Go builds.
google_storage() {
    local program=target/clients/fake-gcs-server
    [ -x "$program" ] && return
    echo "setup: a server of Google Cloud Storage's protocol into target/clients"
    GOBIN=$PWD/target/clients GOFLAGS=-buildvcs=false go install github.com/fsouza/fake-gcs-server@v1.44.0
}

# The published schemas of the formats that alerts are written in: OCSF, CloudEvents, OpenTelemetry.
format_schemas() {
    python_environment python-formats "the formats' schemas" \
        'ocsf_json_schema, jsonschema, cloudevents.core, opentelemetry.proto' \
        ocsf-json-schema==1.2.0 jsonschema cloudevents==2.2.0 opentelemetry-proto==1.45.2
}

# A reader of the files that a data lake is made of, and the schema of what is in them.
parquet_reader() {
    python_environment python-parquet DuckDB 'duckdb, ocsf_json_schema, jsonschema' \
        duckdb==2.0.1 ocsf-json-schema==1.2.0 jsonschema
}

# Elastic's schema is one package of npm's. npm itself is too much to install for it.
ecs_schema() {
    [ -d target/ecs/package ] && return
    command -v npm >/dev/null || { echo "setup: npm is missing: ECS documents are not checked against their schema"; return; }
    echo "setup: Elastic's schema into target/ecs"
    mkdir -p target/ecs
    (cd target/ecs && npm pack --silent @elastic/ecs@9.4.0 >/dev/null && tar xzf elastic-ecs-9.4.0.tgz && rm elastic-ecs-9.4.0.tgz)
}

# A counterpart that cannot be had here costs its own tests, which say so, not all the others.
optional() {
    "$@" || echo "setup: that did not work: the tests that need it will be skipped" >&2
}

if ! command -v cargo >/dev/null; then
    echo "setup: cargo is missing: install a Rust toolchain (1.95 or later) first" >&2
    exit 1
fi
case ${1:-} in
    build) build_needs | install_missing ;;
    test)
        optional install_missing < <(test_needs)
        optional python_client
        optional stub_generators
        optional python_sdk
        optional falco_python_client
        optional falco_go_client
        optional prometheus_commands
        optional unpack_counterparts
        optional container_runtimes
        optional go_server otelcol otelcol .
        optional go_server victoria-logs victorialogs github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs
        optional mail_server
        optional aws_services
        optional google_storage
        optional format_schemas
        optional parquet_reader
        optional ecs_schema
        ;;
    kernel) optional container_runtimes ;;
    *) sed -n '2,8s/^# \?//p' "$0" >&2; exit 64 ;;
esac
