//! What the source needs of this machine, and whether it has it.

use std::fmt;
use std::fs;
use std::path::Path;

use super::super::SourceError;
use super::load;

/// Numbers of capabilities, from `linux/capability.h`.
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// The outcome of every probe.
#[derive(Debug)]
pub struct Check {
    probes: Vec<Probe>,
}

#[derive(Debug)]
struct Probe {
    what: &'static str,
    /// What is wrong, and what to do about it.
    missing: Option<(String, &'static str)>,
    /// The sensor goes without it.
    is_optional: bool,
}

/// Probes the machine for what the sensor can't do without. Changes nothing.
pub fn check() -> Check {
    Check { probes: vec![kernel(), btf(), privileges()] }
}

/// Probes it for everything, also for what the sensor only does better with. Changes nothing for long.
pub fn check_all() -> Check {
    let mut check = check();
    if check.require().is_ok() {
        check.probes.extend([hooks(), destinations(), operations()]);
    }
    check
}

impl Check {
    /// An error for the first thing that is missing.
    pub(super) fn require(&self) -> Result<(), SourceError> {
        let missing: Vec<_> = self.probes.iter().filter_map(|probe| probe.missing.as_ref()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let problems: Vec<&str> = missing.iter().map(|(problem, _)| problem.as_str()).collect();
        let advice: Vec<&str> = missing.iter().map(|(_, advice)| *advice).collect();
        Err(SourceError { source_name: "ebpf", problem: problems.join("; "), advice: advice.join("\n  ") })
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for probe in &self.probes {
            match &probe.missing {
                None => writeln!(f, "ok       {}", probe.what)?,
                Some((problem, advice)) => {
                    let state = if probe.is_optional { "absent " } else { "missing" };
                    writeln!(f, "{state}  {}: {problem}\n         {advice}", probe.what)?;
                }
            }
        }
        Ok(())
    }
}

fn kernel() -> Probe {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let missing = (version < (5, 8)).then(|| {
        let problem = format!("the kernel is {}, and ring buffers came with 5.8", release.trim());
        (problem, "run the sensor on a kernel of 5.8 or newer")
    });
    Probe { what: "kernel 5.8 or newer", missing, is_optional: false }
}

fn btf() -> Probe {
    let missing = (!Path::new("/sys/kernel/btf/vmlinux").exists()).then(|| {
        let problem = "the kernel has no BTF (/sys/kernel/btf/vmlinux is missing)".to_owned();
        let advice = "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as distributions do since 2020, and in a \
                      container mount /sys";
        (problem, advice)
    });
    Probe { what: "the kernel's own types (BTF)", missing, is_optional: false }
}

fn privileges() -> Probe {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok())
        .unwrap_or_default();
    let has = |capability: u32| effective >> capability & 1 == 1;
    let missing = (!(has(CAP_SYS_ADMIN) || has(CAP_BPF) && has(CAP_PERFMON))).then(|| {
        let problem = "loading eBPF programs needs the capabilities CAP_BPF and CAP_PERFMON".to_owned();
        let advice = "run the sensor as root, or give it both: \
                      `setcap cap_bpf,cap_perfmon,cap_dac_read_search,cap_sys_ptrace+ep cadge`";
        (problem, advice)
    });
    Probe { what: "privileges to load eBPF programs", missing, is_optional: false }
}

fn hooks() -> Probe {
    let missing = load::try_hooks().err().map(|problem| {
        let advice = "without them the paths of calls that return no descriptor (unlink, rename, chmod, mount, …) are read \
                      from the caller's memory, where another thread may change them meanwhile; kernels of distributions \
                      on x86_64, and on aarch64 from 6.4 on, have them";
        (problem, advice)
    });
    Probe { what: "programs in the kernel's own checks (fentry)", missing, is_optional: true }
}

fn destinations() -> Probe {
    let missing = load::try_destinations().err().map(|problem| {
        let advice = "without them the destination of a datagram is read from the caller's memory, where another thread \
                      may change it meanwhile; they need CAP_NET_ADMIN and a mounted hierarchy of cgroups of version 2";
        (problem, advice)
    });
    Probe { what: "programs that are shown where datagrams go to (cgroup)", missing, is_optional: true }
}

fn operations() -> Probe {
    let missing = load::try_operations().err().map(|refused| {
        let problem = format!("the kernel does not tell of them ({})", first_line(&refused));
        let advice = "what is done through io_urings is not seen: use kernel 5.14 or newer, 5.19 for results, or set \
                      kernel.io_uring_disabled=2 (6.6) where nobody needs them";
        (problem, advice)
    });
    Probe { what: "operations of io_urings", missing, is_optional: true }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
