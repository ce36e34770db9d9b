//! A container without Lambda: `docker run -p 9000:8080 IMAGE` starts a server, as with AWS's own images.

use std::{fs, net::Ipv4Addr, num::NonZeroU64, time::Duration};

use rustix::process::{Pid, getpid, getppid};

use crate::start::cli::Serve;

/// The port of AWS's own images.
const PORT: u16 = 8080;

/// The default timeout of an event.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Programs that run as process 1 and only start another program, by their names in `/proc`: that of
/// `docker run --init`, and those of images.
const INITS: [&str; 4] = ["docker-init", "tini", "dumb-init", "catatonit"];

pub fn is_main_process() -> bool {
    getpid() == Pid::INIT || getppid() == Some(Pid::INIT) && is_init()
}

fn is_init() -> bool {
    fs::read_to_string("/proc/1/comm").is_ok_and(|name| INITS.contains(&name.trim()))
}

/// The server of such a container, with a timeout in seconds.
pub fn server(timeout: Option<NonZeroU64>) -> Serve {
    let timeout = timeout.map_or(TIMEOUT, |seconds| Duration::from_secs(seconds.get()));
    Serve { timeout, ..Serve::at((Ipv4Addr::UNSPECIFIED, PORT).into()) }
}
