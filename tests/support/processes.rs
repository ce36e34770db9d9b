//! Reads processes from `/proc`.

use std::fs;

use rustix::process::{Pid, Signal, getpgid, kill_process};

/// The variable that marks all processes of an event.
const MARK: &str = "AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID";

/// The number of SIGKILL, which no process survives.
pub const SIGKILL: i32 = 9;

/// The processes that carry the mark of this request in their environment.
pub fn of_request(id: &str) -> Vec<u32> {
    let marker = format!("{MARK}={id}").into_bytes();
    let has_mark = |pid: &u32| {
        fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|environment| environment.split(|&byte| byte == 0).any(|variable| variable == marker))
    };
    all().filter(has_mark).collect()
}

/// All processes below this one.
pub fn below(pid: u32) -> Vec<u32> {
    let parents: Vec<_> = all().filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut found = vec![pid];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| pid));
        next += 1;
    }
    found.remove(0);
    found
}

/// The open descriptors of a running process, without .NET's assemblies, which stay open after their first use.
pub fn descriptors(pid: u32) -> usize {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    // a descriptor may be closed meanwhile
    let files = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    files.filter(|file| file.extension().is_none_or(|extension| extension != "dll")).count()
}

/// The resident memory in KiB of a running process. Linux counts `VmRSS` per processor and adds it up from time to
/// time: it may be wrong by some hundred KiB.
pub fn resident(pid: u32) -> usize {
    let memory = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let size = memory.lines().find_map(|line| line.strip_prefix("Rss:")?.strip_suffix(" kB"));
    size.unwrap().trim().parse().unwrap()
}

/// The peak resident memory.
pub fn peak(pid: u32) -> usize {
    kibibytes(pid, "VmHWM:")
}

fn kibibytes(pid: u32, name: &str) -> usize {
    field(pid, name).unwrap().trim_end_matches(" kB").parse().unwrap()
}

/// Whether a process has ended with all its threads, reaped or not.
pub fn has_ended(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    threads <= 1 && field(pid, "State:").is_none_or(|state| state.starts_with(['Z', 'X']))
}

/// Whether a process runs that is the leader of its group, as workers are.
pub fn leads_group(pid: u32) -> bool {
    let group = i32::try_from(pid).ok().and_then(Pid::from_raw);
    getpgid(group).is_ok_and(|leader| Some(leader) == group) && !has_ended(pid)
}

/// Sends a signal of this number to a process that may have ended.
pub fn kill(pid: u32, signal: i32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let _ = kill_process(pid.unwrap(), Signal::from_named_raw(signal).unwrap());
}

fn parent(pid: u32) -> Option<u32> {
    field(pid, "PPid:")?.parse().ok()
}

/// A line of a process's `status`.
fn field(pid: u32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
}

fn all() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}
