//! Compiles the kernel's part with clang into the object that the loader includes.

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=bpf");
    let architecture = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets it");
    let (target, headers) = match architecture.as_str() {
        "x86_64" => ("x86", "x86_64-linux-gnu"),
        "aarch64" => ("arm64", "aarch64-linux-gnu"),
        other => panic!("the sensor knows x86_64 and aarch64, not {other}"),
    };
    let object = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("cadge.bpf.o");
    let status = Command::new("clang")
        .args(["-Wall", "-Werror", "-O2", "-g", "-target", "bpf"])
        .arg(format!("-D__TARGET_ARCH_{target}"))
        .arg(format!("-I/usr/include/{headers}"))
        .args(["-c", "bpf/cadge.bpf.c", "-o"])
        .arg(&object)
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("clang failed with {status}; if a header is missing, run `make setup`"),
        Err(error) => panic!("clang can't be started ({error}): run `make setup`"),
    }
}
