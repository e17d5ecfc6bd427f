#!/usr/bin/env bash
# Runs the sensor's kernel tests on other kernels than this machine's: Debian's, in guests of QEMU, which has to emulate
# the processor, so this takes a minute for each. The kernels are fetched and unpacked by `$CADGE_COMPAT/kernels`.
#
#   scripts/guest-test.sh TEST-BINARY [KERNEL ...]      a kernel is a Debian release: bullseye (5.10), bookworm (6.1),
#                                                       trixie (6.12), sid
#   CADGE_GUEST_TESTS=hooks                             only tests with this in their name
set -euo pipefail
cd "$(dirname "$0")/.."

compat=${CADGE_COMPAT:-../shared/compat}
fetch=$compat/kernels/10-fetch-kernel.sh
folder=$PWD/target/guest
binary=$1
shift
[ $# -gt 0 ] || set -- bullseye bookworm trixie
# What a guest has no programs for: a compiler, Python, containers. And old kernels' rings know fewer calls.
skip=(--skip events::connections --skip events::every_call --skip events::a_file_opened --skip events::a_program_in
    --skip events::a_path_is --skip process::a_ --skip process::an_ --skip process::cred --skip process::who --skip bypass::containers --skip bypass::other
    --skip bypass::programs --skip bypass::renamed --skip bypass::writes --skip containers --skip script::every_mode --skip stock_network)

missing() {
    echo "test guests ... SKIPPED: $1"
    exit 0
}

[ -e "$fetch" ] || missing "there is no $fetch"
for command in qemu-system-x86_64 busybox cpio; do
    command -v "$command" >/dev/null || missing "there is no $command (apt-get install qemu-system-x86 busybox-static cpio)"
done
[ "$(uname -m)" = x86_64 ] || missing "the guests are of x86_64"

# What a guest runs first, and all that it runs.
write_init() {
    cat > "$1" <<INIT
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
mount -t bpf bpf /sys/fs/bpf; mount -t tracefs trace /sys/kernel/tracing; mount -t cgroup2 cgroup /sys/fs/cgroup
ip link set lo up
echo root:x:0:0::/:/bin/sh > /etc/passwd; echo root:x:0: > /etc/group; echo guest > /etc/hostname
export CADGE_TEST_PROGRAMS=/programs
/kernel-test --test-threads 1 ${CADGE_GUEST_TESTS:-} ${skip[*]}
echo "status \$?"
poweroff -f
INIT
    chmod +x "$1"
}

# The file system that a guest starts with.
write_root() {
    local root=$folder/root library
    rm -rf "$root" "$folder/programs"
    mkdir -p "$root"/{bin,proc,sys,dev,tmp,etc,lib64,var/tmp} "$folder/programs"
    CADGE_TEST_PROGRAMS=$folder/programs "$binary" programs_are_kept >/dev/null
    cp -r "$folder/programs" "$root/programs"
    cp "$(command -v busybox)" "$root/bin/busybox"
    cp "$binary" "$root/kernel-test"
    strip "$root/kernel-test"
    for library in $(ldd "$binary" | grep -o '/[^ ]*'); do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done
    write_init "$root/init"
    (cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) > "$folder/initrd.gz"
}

boot() {
    timeout 900 qemu-system-x86_64 -machine q35,accel=tcg -cpu max -smp 2 -m 1024 -nodefaults -display none -no-reboot -net none \
        -serial stdio -kernel "$1" -initrd "$folder/initrd.gz" -append "console=ttyS0 panic=-1 loglevel=3 lsm=landlock,lockdown,yama,bpf" \
        </dev/null 2>&1 | tr -d '\r'
}

write_root
failed=0
for release in "$@"; do
    W=$folder bash "$fetch" "$release" amd64
    log=$folder/$release.log
    echo "guest $release: its output is in $log"
    boot "$folder/kernels/$release-amd64/vmlinuz" > "$log" || true
    grep -E '^test |^paths come|^[0-9]+ of ' "$log" || true
    grep -q '^status 0' "$log" || { tail -40 "$log"; echo "guest $release FAILED"; failed=1; }
done
exit $failed
