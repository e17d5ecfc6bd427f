#!/usr/bin/env bash
# Generates the SDKs' code for Python and Go out of proto/, with the versions of generators that are pinned in
# scripts/setup.sh and scripts/go-tools: the same files everywhere.
#
#   scripts/stubs.sh         write it
#   scripts/stubs.sh check   fail if what is there is not what would be written
set -euo pipefail
cd "$(dirname "$0")/.."

# What others serve and we only ask is not for the SDKs.
mapfile -t protos < <(cd proto && find cadge falco -name '*.proto' | LC_ALL=C sort)
module=github.com/cadge/cadge/sdk-go-stubs

generate_go() {
    local into=$1 tools=$PWD/target/stubs/bin
    target/python-stubs/bin/python -m grpc_tools.protoc -Iproto \
        --plugin="$tools/protoc-gen-go" --go_out="$into" --go_opt="module=$module" \
        --plugin="$tools/protoc-gen-go-grpc" --go-grpc_out="$into" --go-grpc_opt="module=$module" "${protos[@]}"
}

# Python's generated code imports by the path of the .proto file. `falco` is the package of Falco's own client: ours is
# `cadge.falco`.
generate_python() {
    local into=$1
    mkdir -p "$into/cadge"
    target/python-stubs/bin/python -m grpc_tools.protoc -Iproto \
        --python_out="$into" --pyi_out="$into" --grpc_python_out="$into" "${protos[@]}"
    rm -rf "$into/cadge/falco"
    mv "$into/falco" "$into/cadge/falco"
    touch "$into/cadge/falco/__init__.py" "$into/cadge/v1/__init__.py"
    find "$into/cadge/falco" "$into/cadge/v1" \( -name '*_pb2*.py' -o -name '*_pb2.pyi' \) \
        -exec sed -i 's/^from falco import/from cadge.falco import/' {} +
}

# The generated files of a tree, by name.
generated() {
    (cd "$1" && find . \( -name '*.pb.go' -o -name '*_pb2*.py' -o -name '*_pb2.pyi' \) -not -path './build/*' | LC_ALL=C sort)
}

# Replaces what is there, so that nothing stays of a .proto file that is gone.
write() {
    local from=$1 into=$2 file
    while read -r file; do rm "$into/$file"; done < <(generated "$into")
    cp -r "$from/." "$into/"
}

check() {
    local from=$1 into=$2 file found=0
    while read -r file; do
        cmp -s "$from/$file" "$into/$file" || { echo "stubs: $into/${file#./} is not what proto/ makes"; found=1; }
    done < <({ generated "$from"; generated "$into"; } | LC_ALL=C sort -u)
    return $found
}

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
mkdir "$fresh/go" "$fresh/python"
generate_go "$fresh/go"
generate_python "$fresh/python"
case ${1:-write} in
    write) write "$fresh/go" sdk-go-stubs; write "$fresh/python" sdk-python ;;
    check)
        status=0
        check "$fresh/go" sdk-go-stubs || status=1
        check "$fresh/python" sdk-python || status=1
        [ $status -eq 0 ] || echo "stubs: \`make stubs\` writes them" >&2
        exit $status
        ;;
    *) sed -n '2,6s/^# \?//p' "$0" >&2; exit 64 ;;
esac
