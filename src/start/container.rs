//! A container without Lambda: `docker run -p 9000:8080 IMAGE` serves, as AWS's own images do.

use std::{fs, net::Ipv4Addr, num::NonZeroU64, time::Duration};

use rustix::process::{Pid, getpid, getppid};

use crate::start::cli::Serve;

/// Where AWS's own images listen.
const PORT: u16 = 8080;

/// The timeout of an event where the environment has none.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Programs that run as process 1 and only start another one, by their names in `/proc`: that of `docker run --init`, and
/// others that images bring along.
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
