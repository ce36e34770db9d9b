//! A small Runtime API. It shows more than the emulator can: headers, error bodies, refusals, broken connections.
//! The benchmarks use it, too; tests and benchmarks each leave some of it unused.

mod connection;
mod event;

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::SocketAddr,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

pub use self::event::{Chunk, Event, Post, Reception};
use super::http::Server;

/// The limit for all waits of tests.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The body of a post.
#[derive(Default)]
struct Body {
    bytes: Vec<u8>,
    chunks: Vec<Chunk>,
    trailers: HashMap<String, String>,
}

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    handed_out: HashMap<String, Instant>,
    posts: HashMap<String, Vec<Post>>,
    /// The posts `init/error` and `restore/error`.
    ends: HashMap<String, Post>,
    /// The number of posts about events, with those that were removed.
    posted: usize,
    /// The times of the requests for the next event.
    asked: Vec<Instant>,
    /// How many times the restore was asked for.
    asked_for_restore: usize,
    /// How often an extension was registered, and how often one has waited for an event.
    extensions: (usize, usize),
    /// Whether registrations get no response.
    ignores_extensions: bool,
    /// The number of posts that are not answered.
    stalled: usize,
    /// The status of the response to the restore request, once it may be sent.
    restored: Option<&'static str>,
    receptions: VecDeque<Reception>,
    /// The chunks of streamed posts that have come, in all.
    chunks: Vec<Chunk>,
    /// Whether posts that are held are answered.
    released: bool,
    issued: usize,
    /// No more events come.
    has_ended: bool,
}

/// The server; it ends with the last copy.
#[derive(Clone)]
pub struct Api {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    /// None in the server itself.
    _running: Option<Arc<Running>>,
}

struct Running {
    shared: Arc<Shared>,
    server: Server,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.state.lock().unwrap().has_ended = true;
        self.shared.given.notify_all();
    }
}

#[derive(Default)]
struct Shared {
    /// Unique for each server, unlike ports: a killed bootstrap leaves processes behind, with its request ids.
    number: usize,
    state: Mutex<State>,
    /// Signals a new event, or another change of the answers.
    given: Condvar,
    /// Signals a request or a post of the bootstrap.
    observed: Condvar,
}

impl Api {
    pub fn start() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::new(Shared { number, ..Shared::default() });
        let server = Arc::clone(&shared);
        let server = Server::start(move |connection| {
            let api = Self { address: connection.local_addr()?, shared: Arc::clone(&server), _running: None };
            connection::serve(&api, connection)
        });
        let running = Running { shared: Arc::clone(&shared), server };
        Self { address: running.server.address, shared, _running: Some(Arc::new(running)) }
    }

    /// Queues an event and returns its request id.
    pub fn send(&self, event: Event) -> String {
        self.send_row([event]).remove(0)
    }

    /// Queues events before the first of them is handed out.
    pub fn send_row(&self, events: impl IntoIterator<Item = Event>) -> Vec<String> {
        let mut state = self.lock();
        let mut ids = Vec::new();
        for mut event in events {
            if event.id().is_empty() {
                state.issued += 1;
                let id = self.request_id(state.issued);
                event = event.header("lambda-runtime-aws-request-id", &id);
            }
            ids.push(event.id().to_owned());
            state.events.push_back(event);
        }
        self.shared.given.notify_all();
        ids
    }

    /// The default id of the event with this number, from 1 on. It is unique on this machine, because the bootstrap
    /// kills processes by this id.
    pub fn request_id(&self, number: usize) -> String {
        format!("{:08}-{:04x}-0000-0000-{number:012}", self.shared.number, std::process::id() & 0xffff)
    }

    /// Sets the reception of the next posts.
    pub fn receive_with(&self, receptions: impl IntoIterator<Item = Reception>) {
        self.lock().receptions.extend(receptions);
    }

    /// Answers the posts that are received by [`Reception::Held`].
    pub fn release(&self) {
        self.lock().released = true;
        self.shared.given.notify_all();
    }

    /// Waits for the first post about this event.
    pub fn wait(&self, id: &str) -> Post {
        self.wait_for(&format!("a post about {id}"), |state| state.posts.get(id).map(|posts| posts[0].clone()))
    }

    /// The same, and removes the post: for runs of many events.
    pub fn take(&self, id: &str) -> Post {
        self.take_if_it_comes(id).unwrap_or_else(|| panic!("a post about {id} did not come"))
    }

    /// The same; `None` if no post comes in time.
    pub fn take_if_it_comes(&self, id: &str) -> Option<Post> {
        let post = self.wait_if_it_comes(|state| state.posts.get(id).map(|posts| posts[0].clone()))?;
        let mut state = self.lock();
        state.posts.remove(id);
        state.handed_out.remove(id);
        Some(post)
    }

    /// All posts about this event so far.
    pub fn posts(&self, id: &str) -> Vec<Post> {
        self.lock().posts.get(id).cloned().unwrap_or_default()
    }

    /// The number of all posts about events.
    pub fn posted(&self) -> usize {
        self.lock().posted
    }

    pub fn wait_for_init_error(&self) -> Post {
        self.wait_for("an init error", |state| state.ends.get("init/error").cloned())
    }

    pub fn wait_for_restore_error(&self) -> Post {
        self.wait_for("a restore error", |state| state.ends.get("restore/error").cloned())
    }

    pub fn has_init_error(&self) -> bool {
        self.lock().ends.contains_key("init/error")
    }

    /// Waits until a post is received by [`Reception::Never`].
    pub fn wait_for_stalled(&self) {
        self.wait_for("a post", |state| (state.stalled > 0).then_some(()));
    }

    /// Waits until the environment is ready for its snapshot.
    pub fn wait_for_checkpoint(&self) {
        self.wait_for("a request for the restore", |state| (state.asked_for_restore > 0).then_some(()));
    }

    /// How many times the restore was asked for.
    pub fn asked_for_restore(&self) -> usize {
        self.lock().asked_for_restore
    }

    /// Continues the environment in a copy of its snapshot, or sends it an error.
    pub fn restore(&self, status: &'static str) {
        self.lock().restored = Some(status);
        self.shared.given.notify_all();
    }

    /// Waits until the next event was requested this many times, and returns the time of the last request.
    pub fn wait_until_asked(&self, times: usize) -> Instant {
        self.wait_for("a request for the next event", |state| state.asked.get(times - 1).copied())
    }

    pub fn asked(&self) -> usize {
        self.lock().asked.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }

    fn wait_for<T>(&self, what: &str, found: impl Fn(&State) -> Option<T>) -> T {
        self.wait_if_it_comes(found).unwrap_or_else(|| panic!("{what} did not come"))
    }

    fn wait_if_it_comes<T>(&self, found: impl Fn(&State) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.lock();
        loop {
            if let Some(value) = found(&state) {
                return Some(value);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            state = self.shared.observed.wait_timeout(state, left).unwrap().0;
        }
    }

    fn next(&self) -> io::Result<Event> {
        self.lock().asked.push(Instant::now());
        self.shared.observed.notify_all();
        self.wait_until_given(|state| state.events.pop_front())
    }

    /// How often an extension was registered, and how often one has waited for an event.
    pub fn extensions(&self) -> (usize, usize) {
        self.lock().extensions
    }

    /// Leaves later registrations without a response.
    pub fn ignore_extensions(&self) {
        self.lock().ignores_extensions = true;
    }

    fn note_extension(&self, waits: bool) {
        let mut state = self.lock();
        if waits {
            state.extensions.1 += 1;
        } else {
            assert!(state.asked.is_empty(), "an extension is registered in the init");
            state.extensions.0 += 1;
        }
        drop(state);
        self.shared.observed.notify_all();
    }

    fn next_restore(&self) -> io::Result<&'static str> {
        self.lock().asked_for_restore += 1;
        self.shared.observed.notify_all();
        self.wait_until_given(|state| state.restored)
    }

    fn wait_until_given<T>(&self, mut given: impl FnMut(&mut State) -> Option<T>) -> io::Result<T> {
        let mut state = self.lock();
        loop {
            if let Some(value) = given(&mut state) {
                return Ok(value);
            }
            if state.has_ended {
                return Err(io::Error::other("the server has ended"));
            }
            state = self.shared.given.wait(state).unwrap();
        }
    }

    /// Waits for this number of chunks of all streamed posts, and returns the last one.
    pub fn wait_for_chunk(&self, number: usize) -> Chunk {
        self.wait_for("a chunk", |state| state.chunks.get(number - 1).cloned())
    }

    fn note_chunk(&self, chunk: Chunk) {
        self.lock().chunks.push(chunk);
        self.shared.observed.notify_all();
    }

    fn note(&self, path: &str, headers: HashMap<String, String>, body: Body) {
        let now = Instant::now();
        let mut state = self.lock();
        let Body { bytes, chunks, trailers } = body;
        let post =
            |kind: &str, time| Post { kind: kind.to_owned(), headers, body: bytes, time, at: now, chunks, trailers };
        let invocation = path.strip_prefix("/2018-06-01/runtime/invocation/");
        if let Some((id, kind)) = invocation.and_then(|rest| rest.split_once('/')) {
            let time = state.handed_out.get(id).map_or(Duration::ZERO, |&begin| now - begin);
            let post = post(kind, time);
            state.posted += 1;
            state.posts.entry(id.to_owned()).or_default().push(post);
        } else {
            let kind = path.strip_prefix("/2018-06-01/runtime/").unwrap();
            let post = post(kind, Duration::ZERO);
            assert!(["init/error", "restore/error"].contains(&kind), "{path}");
            assert!(state.ends.insert(kind.to_owned(), post).is_none(), "a second {kind}");
        }
    }
}
