//! Many events on one bootstrap, whose workers are killed at random. It counts lost and crossed events, and growth.

use std::{fmt, fs, iter, thread, time::Duration};

use super::{
    Event, Post, Running,
    language::Language,
    processes::{self, SIGKILL},
    until,
};

/// How many events are queued at a time.
const BATCH: usize = 20;

/// How long an event may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// How many workers there are.
const WORKERS: usize = 2;

/// The growth of the bootstrap that is allowed, in KiB: the C library keeps up to twice a large event for each worker.
const NO_GROWTH: usize = WORKERS * 2 * LARGE / 1024 + 2048;

/// The size of a large event, in bytes.
const LARGE: usize = 2 << 20;

/// The signals of random kills, with SIGHUP and SIGTERM. SBCL survives a SIGSEGV, and .NET a SIGABRT, that another
/// process sends.
const SIGNALS: [i32; 3] = [1, SIGKILL, 15];

/// Numbers that look random and are the same for the same seed (`SplitMix64`).
pub struct Random(pub u64);

impl Random {
    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }
}

/// The task of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Answer,
    AnswerLarge,
    LeaveChild,
    Fail,
    KillWorker,
}

/// Counts of the events, and the growth of the bootstrap.
#[derive(Debug, Default)]
pub struct Tally {
    pub language: &'static str,
    pub events: usize,
    pub answers: usize,
    pub errors: usize,
    /// Events that exceeded their deadline.
    pub deadlines: usize,
    pub kills: usize,
    /// Events without an answer or an error.
    pub lost: usize,
    /// Answers of another event, or unexpected answers.
    pub crossed: usize,
    /// Posts beyond one for each event.
    pub surplus: usize,
    /// The growth of the bootstrap since its first events.
    pub memory: usize,
    pub descriptors: usize,
    /// Processes that are neither workers nor the next event's.
    pub processes: usize,
    pub files: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}: {} events: {} answers, {} errors ({} at a deadline), {} kills; lost {}, crossed {}, surplus {}; \
             growth: {} KiB, {} descriptors, {} processes, {} files",
            self.language,
            self.events,
            self.answers,
            self.errors,
            self.deadlines,
            self.kills,
            self.lost,
            self.crossed,
            self.surplus,
            self.memory,
            self.descriptors,
            self.processes,
            self.files
        )
    }
}

impl Tally {
    /// Whether nothing was lost, crossed, or left behind.
    pub fn is_clean(&self) -> bool {
        let wrong = [self.lost, self.crossed, self.surplus, self.processes, self.files];
        // each worker may keep a connection that it did not need at first
        wrong == [0; 5] && self.descriptors <= WORKERS && self.memory <= NO_GROWTH
    }
}

struct Storm<'a> {
    language: &'a Language,
    function: Running,
    random: Random,
    tally: Tally,
    /// The number of events that were sent only to see that all is quiet.
    probes: usize,
}

/// Sends events until `enough` returns true for their number; `None` if the interpreter is missing.
pub fn storm(language: &'static Language, seed: u64, mut enough: impl FnMut(usize) -> bool) -> Option<Tally> {
    let function = language.evaluator()?;
    let temporary = function.path("temporary");
    fs::create_dir(&temporary).unwrap();
    let function = function
        .env("AWS_LAMBDA_MAX_CONCURRENCY", &WORKERS.to_string())
        .env("TMPDIR", temporary.to_str().unwrap())
        .start();
    let tally = Tally { language: language.name, ..Tally::default() };
    let mut storm = Storm { language, function, random: Random(seed), tally, probes: 0 };
    // killing a worker before it is ready would fail init
    storm.function.api.wait_until_asked(WORKERS);
    storm.warm_up();
    let [memory, descriptors, _] = storm.holds();
    while storm.tally.lost == 0 && !enough(storm.tally.events) {
        storm.batch();
    }
    let after = storm.holds();
    Some(Tally {
        memory: after[0].saturating_sub(memory),
        descriptors: after[1].saturating_sub(descriptors),
        processes: after[2],
        surplus: storm.function.api.posted().saturating_sub(storm.tally.events + storm.probes),
        files: fs::read_dir(temporary).unwrap().count(),
        ..storm.tally
    })
}

impl Storm<'_> {
    /// Sends some events at once, kills workers meanwhile, and checks the posts.
    fn batch(&mut self) {
        let deeds: Vec<_> = iter::repeat_with(|| self.deed()).take(BATCH).collect();
        let events: Vec<_> = deeds.iter().map(|&deed| self.event(deed)).collect();
        let ids: Vec<_> = events.into_iter().map(|event| self.function.api.send(event)).collect();
        let killed = if self.random.below(2) == 0 { self.kill_child() } else { None };
        for (id, deed) in ids.iter().zip(deeds) {
            self.tally.events += 1;
            self.tally.kills += usize::from(deed == Deed::KillWorker);
            match self.function.api.take_if_it_comes(id) {
                Some(post) => self.judge(id, deed, &post),
                None => self.tally.lost += 1,
            }
        }
        if let Some(killed) = killed {
            // an event goes to another worker only once: two of these kills must not hit it
            until("the end of what was killed", || {
                // again, because SBCL survives a SIGTERM that its finalizer thread takes
                processes::has_ended(killed) || {
                    processes::kill(killed, SIGKILL);
                    false
                }
            });
        }
    }

    fn kill_child(&mut self) -> Option<u32> {
        thread::sleep(Duration::from_micros(self.random.below(5000) as u64));
        let children = self.function.children();
        let killed = (!children.is_empty()).then(|| self.random.of(&children))?;
        processes::kill(killed, self.random.of(&SIGNALS));
        self.tally.kills += 1;
        Some(killed)
    }

    fn deed(&mut self) -> Deed {
        match self.random.below(200) {
            0..10 => Deed::KillWorker,
            10..30 => Deed::Fail,
            30..50 => Deed::LeaveChild,
            50..52 => Deed::AnswerLarge,
            _ => Deed::Answer,
        }
    }

    fn event(&mut self, deed: Deed) -> Event {
        let language = self.language;
        let event = Event::new(match deed {
            Deed::Answer => language.own_id.to_owned(),
            Deed::AnswerLarge => format!("{}{}\n{}", language.comment, "x".repeat(LARGE), language.own_id),
            Deed::LeaveChild => language.leave_child.to_owned(),
            Deed::Fail => language.fail.to_owned(),
            Deed::KillWorker => language.killed_by(self.random.of(&SIGNALS)),
        });
        event.deadline_in(DEADLINE)
    }

    /// Any event may have lost its worker.
    fn judge(&mut self, id: &str, deed: Deed, post: &Post) {
        let text = String::from_utf8_lossy(&post.body);
        let right = if post.kind == "response" {
            self.tally.answers += 1;
            text.trim_end() == id && !matches!(deed, Deed::Fail | Deed::KillWorker)
        } else {
            self.tally.errors += 1;
            self.tally.deadlines += usize::from(text.contains("\"Runtime.DeadlineExceeded\""));
            // SBCL may lose a signal, or hang in it until the deadline
            let ours = ["Runtime.WorkerExited", "Function.Signal", "Runtime.DeadlineExceeded"];
            ours.iter().any(|kind| text.contains(&format!("\"{kind}\""))) || (deed == Deed::Fail && text.contains(id))
        };
        if !right {
            self.tally.crossed += 1;
            println!("{}: {deed:?} of {id}: {} {text:.300}", self.language.name, post.kind);
        }
    }

    /// Sends large events first: memory that the allocator keeps for them does not count as growth.
    fn warm_up(&mut self) {
        let events = iter::repeat_with(|| self.event(Deed::AnswerLarge)).take(BATCH).collect::<Vec<_>>();
        let ids: Vec<_> = events.into_iter().map(|event| self.function.api.send(event)).collect();
        self.probes += ids.len();
        for id in ids {
            self.function.api.take(&id);
        }
    }

    /// The memory in KiB and the descriptors of the bootstrap, and the number of surplus or missing processes, once all
    /// is quiet.
    fn holds(&mut self) -> [usize; 3] {
        let mut quiet = 0;
        // long enough for processes that handlers have left behind to end, and for a worker to be replaced
        for _ in 0..200 {
            quiet = if self.strays() == 0 { quiet + 1 } else { 0 };
            if quiet == 10 {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let pid = self.function.pid();
        [processes::resident(pid), processes::descriptors(pid), self.strays()]
    }

    /// The difference of the bootstrap's descendants to the expected number: its workers, with the processes for their
    /// next events.
    fn strays(&self) -> usize {
        let expected = WORKERS * self.language.processes;
        processes::below(self.function.pid()).len().abs_diff(expected)
    }
}
