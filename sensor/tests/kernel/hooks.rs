//! The paths that the kernel's own checks know: through links and whatever the caller's memory says by now.
//! Where the kernel takes no programs there, paths are as the caller wrote them, and that is what is tested.

use std::io::Write as _;

use cadge_sensor::source::ebpf;

use super::cases::{case, expect_cases};
use super::watch::Watch;

#[test]
fn a_path_through_a_link_is_the_one_that_the_kernel_took() {
    let Some(watch) =
        Watch::on("paths through links", &["symlinkat"], &["fs.path.source", "fs.path.sourceraw"])
    else {
        return;
    };
    let has_hooks = !ebpf::check_all().to_string().contains("absent   programs in the kernel's own checks");
    let from = if has_hooks { "the kernel's checks" } else { "the caller's memory" };
    let _ = writeln!(std::io::stderr(), "paths come from {from}");
    let parent = if has_hooks { "{dir}/sub" } else { "{dir}/through" };
    let made = format!("{parent}/made");
    expect_cases(
        &watch,
        &[case(
            "symlinkat",
            &["symlinkat s:{dir}/sub -100 s:{dir}/through", "symlinkat s:x -100 s:{dir}/through/made"],
            &[("linkpath", &made), ("fs.path.source", &made), ("fs.path.sourceraw", "{dir}/through/made")],
        )],
    );
}
