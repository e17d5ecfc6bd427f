//! Row 9: 32-bit calls, whose numbers are others, out of 32-bit and 64-bit programs.

use super::guard::{Guard, attack};
use crate::kernel::script::{MODES, run};

const RULES: &str = r"
- rule: secret read
  desc: somebody reads the secret
  condition: evt.type in (open, openat, openat2) and fd.name endswith /cadge-abi-secret
  output: read by %proc.pid as %fd.nameraw
  priority: WARNING
";

#[test]
fn a_32_bit_call_reads_no_secret_unseen() {
    let Some(guard) = Guard::start("row 9", RULES) else { return };
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("cadge-abi-secret");
    std::fs::write(&secret, "x").unwrap();
    let mut runs = 0;
    for call in ["open s:PATH 0 0", "openat -100 s:PATH 0 0", "openat2 -100 s:PATH { u64:0 u64:0 u64:0 } 24"]
    {
        let step = call.replace("PATH", &secret.display().to_string());
        let script = [step.as_str()];
        for mode in MODES.iter().filter(|mode| mode.is_32_bit() && mode.fits(&script) && mode.exists()) {
            let ran = run(*mode, &script);
            assert!(ran.results[0] >= 0, "{mode:?} {ran:?}");
            guard.must_alert("secret read", &[("proc.pid", &ran.pid.to_string())]);
            runs += 1;
        }
    }
    assert!(runs > 0 || cfg!(not(target_arch = "x86_64")));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_64_bit_program_reads_no_secret_by_32_bit_calls() {
    use crate::kernel::script::Mode;
    let Some(guard) = Guard::start("row 9: int 0x80", RULES) else { return };
    if !Mode::Int80.exists() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("cadge-abi-secret").display().to_string();
    std::fs::write(&secret, "secret").unwrap();
    assert_eq!(attack("int80", &[&secret]).stdout, b"secret");
    guard.must_alert("secret read", &[("fd.nameraw", &secret)]);
}
