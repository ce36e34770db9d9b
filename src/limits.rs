//! The sizes and time limits that more than one folder uses. It imports nothing of this crate.

use std::time::Duration;

/// The largest event and the largest buffered answer, in bytes: Lambda's limit for synchronous invocations.
pub const PAYLOAD_LIMIT: usize = 6 * 1024 * 1024;

/// The largest streamed answer, in bytes: Lambda's limit.
pub const STREAM_LIMIT: usize = 200 * 1024 * 1024;

/// How much of a pipe is read at once, in bytes.
pub const BLOCK: usize = 64 * 1024;

/// The largest size of a pipe, in bytes: Linux allows it for any user.
pub const PIPE_SIZE: usize = 1024 * 1024;

/// How many blocks are read at one time: a full pipe. Reading more would also read bytes that are written meanwhile,
/// and might never end.
pub const BLOCKS: usize = PIPE_SIZE / BLOCK;

/// The longest timeout that a function can have: 90 minutes on Lambda Managed Instances.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(5400);

/// The longest timeout of any other function: 30 minutes. It is also the limit of an init.
pub const INIT_LIMIT: Duration = Duration::from_secs(1800);

/// How long workers have between SIGTERM and SIGKILL when the runtime ends.
pub const SHUTDOWN_GRACE: Duration = Duration::from_millis(300);
