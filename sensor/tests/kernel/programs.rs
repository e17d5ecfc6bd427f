//! The C programs of `tests/programs` and `tests/bypass`, compiled when a test asks for one, once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};

/// What a program is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Build {
    /// This machine, with its libc: it may do what any program does.
    Native,
    /// This machine, without a libc and low in memory.
    Bare,
    /// A 32-bit program without a libc.
    Bare32,
}

/// A program, or what the compiler says against it.
type Compiled = Result<PathBuf, String>;

static COMPILED: LazyLock<Mutex<HashMap<(String, Build), Compiled>>> = LazyLock::new(Mutex::default);

/// The path of a program whose source is `tests/NAME.c`.
pub(crate) fn compiled(name: &str, build: Build) -> Compiled {
    let mut all = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    all.entry((name.to_owned(), build)).or_insert_with(|| compile(name, build)).clone()
}

/// A folder with programs that were compiled before, for machines without a compiler: `make guest-test`.
pub(super) fn kept() -> Option<PathBuf> {
    std::env::var_os("CADGE_TEST_PROGRAMS").map(PathBuf::from)
}

fn compile(name: &str, build: Build) -> Compiled {
    let file = Path::new(name).file_name().and_then(|name| name.to_str()).unwrap();
    let out = if let Some(folder) = kept() {
        let out = folder.join(format!("{file}-{build:?}").to_lowercase());
        if out.exists() {
            return Ok(out);
        }
        out
    } else {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
        std::fs::create_dir_all(&folder).unwrap();
        // Several test processes may compile at once: each has its own file.
        folder.join(format!("{file}-{build:?}-{}", std::process::id()).to_lowercase())
    };
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/{name}.c"));
    let mut cc = Command::new("cc");
    cc.args(["-Wall", "-Werror", "-O1"]).args(arguments(build)).arg("-o").arg(&out).arg(source);
    if build == Build::Native {
        cc.arg("-pthread");
    }
    let output = cc.output().map_err(|error| format!("cc can't be started: {error}"))?;
    if output.status.success() {
        Ok(out)
    } else {
        Err(format!("`{name}` as {build:?}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// Arguments of the compiler.
pub(super) fn arguments(build: Build) -> Vec<String> {
    let bare = ["-ffreestanding", "-nostdlib", "-static", "-fno-pic", "-no-pie", "-fno-stack-protector"];
    let mut arguments: Vec<String> = Vec::new();
    if build != Build::Native {
        arguments.extend(bare.map(str::to_owned));
        // Debian has the headers of one architecture in a folder of that one's, also those for -m32.
        arguments.push(format!("-I/usr/include/{}-linux-gnu", std::env::consts::ARCH));
    }
    if build == Build::Bare32 {
        arguments.push("-m32".to_owned());
    }
    arguments
}
