//! Attaches what sees the operations of `io_uring`s. Kernels have had it under several names and with
//! several arguments: of each choice the first that the kernel takes is used.

use aya::programs::BtfTracePoint;
use aya::{Btf, Ebpf};

/// A program and the tracepoint that it is for.
type Choice = (&'static str, &'static str);

/// When an operation begins: without this none is seen.
const BEGIN: &[Choice] =
    &[("uring_submit_req", "io_uring_submit_req"), ("uring_submit_sqe", "io_uring_submit_sqe")];

/// When it ends. Without this an operation is told without its result.
const END: &[Choice] =
    &[("uring_complete", "io_uring_complete"), ("uring_complete_5_19", "io_uring_complete")];

/// When its answer finds no room.
const OVERFLOW: &[Choice] = &[("uring_overflow", "io_uring_cqe_overflow")];

/// Attaches the programs. An error says what the kernel said to those that it refused.
pub(super) fn attach(ebpf: &mut Ebpf, btf: &Btf) -> Result<(), String> {
    let mut missing = Vec::new();
    for (what, choices) in [("begins", BEGIN), ("ends", END), ("finds no room for its answer", OVERFLOW)] {
        let mut refused = Vec::new();
        let attached = choices.iter().any(|(program, tracepoint)| {
            let outcome = attach_one(ebpf, btf, program, tracepoint);
            outcome.map_err(|error| refused.push(format!("`{program}`: {error}"))).is_ok()
        });
        if !attached {
            missing.push(format!("when one {what}: {}", refused.join("; ")));
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(missing.join("; ")) }
}

fn attach_one(ebpf: &mut Ebpf, btf: &Btf, program: &str, tracepoint: &str) -> Result<(), String> {
    let program = ebpf.program_mut(program).ok_or("the object does not have it")?;
    let program: &mut BtfTracePoint = program.try_into().map_err(|_| "it is another kind of program")?;
    program.load(tracepoint, btf).map_err(|error| last_line(&error.to_string()))?;
    program.attach().map_err(|error| error.to_string())?;
    Ok(())
}

/// Of what the verifier says the line that matters comes last, before its figures.
fn last_line(text: &str) -> String {
    let is_figure = |line: &&str| line.starts_with("processed ") || line.starts_with("verification time");
    let lines = text.lines().rev().filter(|line| !line.trim().is_empty() && !is_figure(line));
    lines.take(2).last().unwrap_or_default().to_owned()
}
