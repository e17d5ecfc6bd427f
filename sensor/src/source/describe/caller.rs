//! On whose behalf a call was made. Credentials are each thread's own, and the table has those of a process's
//! first thread: whoever acts with others is told with what he acted with.

use cadge_engine::{Process, Processes as _};

use super::super::ebpf::calls::{CHANGES, Call};
use super::super::ebpf::record::{CallPart, Header};
use super::Describer;

impl Describer {
    /// The caller, if it is another one than the table has.
    pub(super) fn caller(&mut self, header: &Header, call: &CallPart, row: &Call) -> Option<Process> {
        let pid = i64::from(header.pid);
        let known = self.table.process(pid)?;
        // Of a call that changes them the record has the new ones, and the event is about the old ones. A
        // record without a cgroup has no credentials either.
        if call.cgroup == 0 || has_credentials(known, call) || row.flags & CHANGES != 0 {
            return None;
        }
        let mut process = known.clone();
        process.uid = call.uid;
        process.gid = call.gid;
        process.ns_uid = ns_uid(call);
        process.user_name = self.names.user(call.uid);
        (process.user_home, process.user_shell) = self.names.home_and_shell(call.uid);
        process.group_name = self.names.group(call.gid);
        process.cap_effective = call.cap_effective;
        process.cap_permitted = call.cap_permitted;
        process.cap_inheritable = call.cap_inheritable;
        Some(process)
    }
}

fn has_credentials(process: &Process, call: &CallPart) -> bool {
    process.uid == call.uid
        && process.gid == call.gid
        && process.ns_uid == ns_uid(call)
        && process.cap_effective == call.cap_effective
        && process.cap_permitted == call.cap_permitted
        && process.cap_inheritable == call.cap_inheritable
}

/// Which changes when somebody writes a map of ids.
fn ns_uid(call: &CallPart) -> Option<u32> {
    Some(call.ns_uid).filter(|uid| *uid != u32::MAX)
}
