//! A handler that may be suspended: the state that its worker and its durable session share.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock},
};

use rustix::process::Pid;
use tokio_util::sync::CancellationToken;

use crate::process::handler::{Handler, Home};

/// The folder with the command `durable`, in the socket's directory. It is the last one of a handler's `PATH`.
pub const COMMANDS: &str = "bin";

/// Shared by the worker, which starts the handler, and the session, which decides about its end.
#[derive(Clone, Debug)]
pub struct Suspension(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    socket: String,
    requested: CancellationToken,
    handler: Mutex<Option<Handler>>,
    library: OnceLock<&'static str>,
}

impl Suspension {
    /// For a handler that connects to its session by this socket.
    #[must_use]
    pub fn new(socket: String) -> Self {
        let (requested, handler) = (CancellationToken::new(), Mutex::default());
        Self(Arc::new(Inner { socket, requested, handler, library: OnceLock::new() }))
    }

    /// The path of the socket.
    #[must_use]
    pub fn socket(&self) -> &str {
        &self.0.socket
    }

    /// A `PATH` with the folder of the command `durable` at its end.
    #[must_use]
    pub fn with_commands(&self, path: &OsStr) -> OsString {
        let folder = Path::new(&self.0.socket).with_file_name(COMMANDS);
        [path, folder.as_os_str()].join(OsStr::new(":"))
    }

    /// Records the handler's processes, and the library that its language has instead of a command.
    pub fn begin(&self, handler: Handler, library: Option<&'static str>) {
        *self.handler() = Some(handler);
        if let Some(library) = library {
            self.0.library.get_or_init(|| library);
        }
    }

    /// Records a process of the event.
    pub fn note(&self, process: Pid) {
        if let Some(handler) = &mut *self.handler() {
            handler.note(process);
        }
    }

    /// The place where the handler runs; `None` before it runs.
    #[must_use]
    pub fn home(&self) -> Option<Home> {
        self.handler().as_ref().map(Handler::home)
    }

    /// The library of the handler's language, if it has one.
    #[must_use]
    pub fn library(&self) -> Option<&'static str> {
        self.0.library.get().copied()
    }

    /// Whether all processes of the event wait for the blocked ones.
    #[must_use]
    pub fn is_quiet(&self, blocked: &[Pid]) -> bool {
        self.handler().as_ref().is_some_and(|handler| handler.is_quiet(blocked))
    }

    /// Requests the suspension.
    pub fn request(&self) {
        self.0.requested.cancel();
    }

    /// Whether the suspension was requested.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.requested.is_cancelled()
    }

    /// Waits until the suspension is requested.
    pub async fn requested(&self) {
        self.0.requested.cancelled().await;
    }

    /// Kills the handler's processes. A handler inside of the worker is told to unwind instead. `false` if the
    /// processes are not known.
    pub async fn kill(&self) -> bool {
        if self.home() == Some(Home::InWorker) {
            return true;
        }
        let handler = self.handler().take();
        match handler {
            Some(handler) => handler.kill().await,
            None => false,
        }
    }

    /// Kills blocked processes that a handler has left when it ended.
    pub fn kill_waiting(&self, blocked: &[Pid]) {
        if let Some(handler) = &*self.handler() {
            handler.kill_waiting(blocked);
        }
    }

    fn handler(&self) -> MutexGuard<'_, Option<Handler>> {
        self.0.handler.lock().expect("BUG: no code panics while it holds this lock")
    }
}
