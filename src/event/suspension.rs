//! A handler that may be suspended: what its worker and its durable session know of each other.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock},
};

use rustix::process::Pid;
use tokio_util::sync::CancellationToken;

use crate::process::handler::{Handler, Home};

/// The folder with the command `durable`, beside the socket. It stands behind the others of a handler's `PATH`.
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
    /// For a handler that reaches its session by this socket.
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

    /// A `PATH` with the command `durable` behind its folders.
    #[must_use]
    pub fn with_commands(&self, path: &OsStr) -> OsString {
        let folder = Path::new(&self.0.socket).with_file_name(COMMANDS);
        [path, folder.as_os_str()].join(OsStr::new(":"))
    }

    /// Takes note of the handler's processes, and of the library that its language has in place of a command.
    pub fn begin(&self, handler: Handler, library: Option<&'static str>) {
        *self.handler() = Some(handler);
        if let Some(library) = library {
            self.0.library.get_or_init(|| library);
        }
    }

    /// Takes note of a process of the event.
    pub fn note(&self, process: Pid) {
        if let Some(handler) = &mut *self.handler() {
            handler.note(process);
        }
    }

    /// Where the handler runs, once it does.
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

    /// Asks for the suspension.
    pub fn request(&self) {
        self.0.requested.cancel();
    }

    /// Whether it was asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.requested.is_cancelled()
    }

    /// Waits until it is asked for.
    pub async fn requested(&self) {
        self.0.requested.cancelled().await;
    }

    /// Ends the handler's processes, if they are not the worker itself: that is told of the suspension instead. `false`
    /// if they are not known.
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

    fn handler(&self) -> MutexGuard<'_, Option<Handler>> {
        self.0.handler.lock().expect("BUG: no code panics while it holds this lock")
    }
}
