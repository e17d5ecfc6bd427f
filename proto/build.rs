//! Generates the Rust code for every .proto file, without a `protoc` to install.

use std::{env, fs, path::Path};

/// Every .proto file of ours. A new one is one more line here.
const PROTOS: [&str; 11] = [
    "falco/schema.proto",
    "falco/outputs.proto",
    "falco/version.proto",
    "cadge/v1/alert.proto",
    "cadge/v1/ingest.proto",
    "cadge/v1/subscribe.proto",
    "cadge/v1/fleet.proto",
    "cadge/v1/history.proto",
    "cadge/v1/admin.proto",
    "cadge/v1/inputs.proto",
    "cadge/v1/integrations.proto",
];

/// What others serve, and we only ask: no reflection shows it.
const CRI: &str = "cri/runtime.proto";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);
    for proto in PROTOS {
        println!("cargo:rerun-if-changed={proto}");
    }
    let files = protox::compile(PROTOS, ["."])?;

    // Reflection serves these descriptors.
    fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&files))?;

    let typed = out.join("typed");
    fs::create_dir_all(&typed)?;
    let serves = env::var_os("CARGO_FEATURE_SERVER").is_some();
    tonic_prost_build::configure().build_server(serves).out_dir(&typed).compile_fds(files.clone())?;

    // The same services over alerts that stay encoded: what the hub and the uplink use.
    let raw = out.join("raw");
    fs::create_dir_all(&raw)?;
    tonic_prost_build::configure()
        .build_server(serves)
        .out_dir(&raw)
        .extern_path(".falco.outputs.response", "crate::raw::RawAlert")
        .extern_path(".cadge.v1.Alert", "crate::raw::RawAlert")
        .extern_path(".cadge.v1.Batch", "crate::batch::Batch")
        .extern_path(".cadge.v1.PushRequest", "crate::push::PushRequest")
        .extern_path(".falco.schema", "crate::falco::schema")
        .compile_fds(files)?;

    println!("cargo:rerun-if-changed={CRI}");
    let cri = out.join("cri");
    fs::create_dir_all(&cri)?;
    tonic_prost_build::configure()
        .build_server(false)
        .out_dir(&cri)
        .compile_fds(protox::compile([CRI], ["."])?)?;
    Ok(())
}
