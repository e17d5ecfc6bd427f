//! The languages that there is an SDK for, and how the examples of each are run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::connection::Connection;
use crate::support::{skip, stderr};

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Rust,
    Python,
    Go,
}

/// All of them.
pub(crate) const LANGUAGES: [Language; 3] = [Language::Rust, Language::Python, Language::Go];

/// The checkout.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A path in the checkout.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(ROOT).join(name)
}

impl Language {
    /// The folder of its SDK.
    pub(crate) fn folder(self) -> PathBuf {
        path(match self {
            Self::Rust => "sdk-rust",
            Self::Python => "sdk-python",
            Self::Go => "sdk-go-stubs",
        })
    }

    /// What identities and cursors of its programs are called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Go => "go",
        }
    }

    /// Whether its programs can run here. Says aloud where they can't.
    pub(crate) fn is_here(self, test: &str) -> bool {
        let why = match self {
            Self::Rust => return true,
            Self::Python if python().exists() => return true,
            Self::Python => "what the Python SDK needs is missing: run `make setup-test`",
            Self::Go if has_go() => return true,
            Self::Go => "there is no Go that is new enough for sdk-go-stubs/go.mod: run `make setup-test`",
        };
        skip(test, why);
        false
    }

    /// An example's source.
    fn source(self, name: &str) -> PathBuf {
        self.folder().join(match self {
            Self::Rust => format!("examples/{name}.rs"),
            Self::Python => format!("examples/{name}.py"),
            Self::Go => format!("examples/{name}/main.go"),
        })
    }

    /// An example, as its users run it. Arguments are still to come.
    pub(crate) fn example(self, name: &str, connection: &Connection) -> Command {
        let mut command = match self {
            Self::Rust => Command::new(rust_examples().join(name)),
            Self::Python => {
                let mut command = Command::new(python());
                command.arg(self.source(name));
                command.env("PYTHONPATH", self.folder());
                command
            }
            Self::Go => Command::new(go_examples().join(name)),
        };
        connection.apply(&mut command);
        command
    }
}

/// Python with what the SDK needs, and without the SDK itself.
pub(crate) fn python() -> PathBuf {
    path("target/python-sdk/bin/python")
}

/// Whether there is a Go that takes the SDK's module.
fn has_go() -> bool {
    let mut command = Command::new("go");
    command.current_dir(Language::Go.folder()).args(["list", "-m"]);
    command.output().is_ok_and(|output| output.status.success())
}

/// Runs what builds, to its end.
fn build(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", stderr(&output));
}

/// The folder of Rust's examples, built once. The whole workspace is named, so that its crates have the same
/// features as in the tests' own build, and are not built once more.
fn rust_examples() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let profile = Path::new(env!("CARGO_BIN_EXE_cadge")).parent().unwrap();
        let name = profile.file_name().unwrap().to_str().unwrap();
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        build(
            Command::new(cargo)
                .current_dir(ROOT)
                .args(["build", "--quiet", "--workspace", "--examples"])
                .args(["--profile", if name == "debug" { "dev" } else { name }])
                .arg("--target-dir")
                .arg(profile.parent().unwrap()),
        );
        profile.join("examples")
    })
}

/// The folder of Go's examples, built once.
fn go_examples() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = path("target/clients/sdk-examples");
        std::fs::create_dir_all(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        build(
            Command::new("go")
                .current_dir(Language::Go.folder().join("examples"))
                .env("GOFLAGS", "-mod=readonly -buildvcs=false")
                .args(["build", "-o", &format!("{}/", folder.display()), "./..."]),
        );
        folder
    })
}
