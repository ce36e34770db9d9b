//! A control group with as much of a processor as a function of 512 MB has.

use std::{fs, io, path::PathBuf};

/// Microseconds of processor time in each period: 0.29 of a processor.
const QUOTA: u32 = 29_000;
const PERIOD: u32 = 100_000;

/// The group; it ends with this.
pub struct Throttle {
    directory: PathBuf,
}

impl Throttle {
    /// A new group of either version of the kernel's control groups; `None` where none may be made.
    pub fn new() -> Option<Self> {
        let name = format!("lambda-script-runtime-{}", std::process::id());
        let v1 = PathBuf::from("/sys/fs/cgroup/cpu").join(&name);
        let v2 = PathBuf::from("/sys/fs/cgroup").join(&name);
        [v1, v2].into_iter().find_map(|directory| {
            fs::create_dir(&directory).ok()?;
            let throttle = Self { directory };
            throttle.limit().ok().map(|()| throttle)
        })
    }

    fn limit(&self) -> io::Result<()> {
        let file = |name: &str| self.directory.join(name);
        if file("cpu.max").exists() {
            return fs::write(file("cpu.max"), format!("{QUOTA} {PERIOD}"));
        }
        fs::write(file("cpu.cfs_period_us"), PERIOD.to_string())?;
        fs::write(file("cpu.cfs_quota_us"), QUOTA.to_string())
    }

    /// Where a process writes its id to become a part of it.
    pub fn entrance(&self) -> PathBuf {
        self.directory.join("cgroup.procs")
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        // the processes of the group have ended
        let _ = fs::remove_dir(&self.directory);
    }
}
