//! The environment variables that the bootstrap reads.

/// Host and port of the Runtime API; set by Lambda and by its emulator.
pub const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
/// The handler.
pub const HANDLER: &str = "_HANDLER";
/// The directory of the user's files.
pub const TASK_ROOT: &str = "LAMBDA_TASK_ROOT";
/// The function's name.
pub const FUNCTION_NAME: &str = "AWS_LAMBDA_FUNCTION_NAME";
/// The function's timeout in seconds, for a container without Lambda.
pub const FUNCTION_TIMEOUT: &str = "AWS_LAMBDA_FUNCTION_TIMEOUT";
/// The function's version.
pub const FUNCTION_VERSION: &str = "AWS_LAMBDA_FUNCTION_VERSION";
/// The function's memory in MB.
pub const MEMORY_SIZE: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";
/// The log group's name.
pub const LOG_GROUP: &str = "AWS_LAMBDA_LOG_GROUP_NAME";
/// The log stream's name.
pub const LOG_STREAM: &str = "AWS_LAMBDA_LOG_STREAM_NAME";
/// How the environment begins: `snap-start` where Lambda takes a snapshot of it.
pub const INITIALIZATION_TYPE: &str = "AWS_LAMBDA_INITIALIZATION_TYPE";
/// A program that starts the runtime.
pub const EXEC_WRAPPER: &str = "AWS_LAMBDA_EXEC_WRAPPER";
/// `JSON` or `Text`.
pub const LOG_FORMAT: &str = "AWS_LAMBDA_LOG_FORMAT";
/// The least level of the runtime's own log lines.
pub const LOG_LEVEL: &str = "AWS_LAMBDA_LOG_LEVEL";
/// How many events are answered at the same time.
pub const MAX_CONCURRENCY: &str = "AWS_LAMBDA_MAX_CONCURRENCY";
/// How long before its deadline an event is given up, in milliseconds; 0 for never.
pub const DEADLINE_MARGIN: &str = "SCRIPT_RUNTIME_DEADLINE_MARGIN_MS";
/// `buffered` or `streaming`.
pub const RESPONSE_MODE: &str = "SCRIPT_RUNTIME_RESPONSE_MODE";
/// `event` or `cgi`.
pub const INTERFACE: &str = "SCRIPT_RUNTIME_INTERFACE";
/// The Bash that runs functions, where it is neither the image's nor the one on the `PATH`.
pub const BASH: &str = "SCRIPT_RUNTIME_BASH";
/// The path of `pwsh`, where it is not the one on the `PATH`.
pub const PWSH: &str = "SCRIPT_RUNTIME_PWSH";
/// The assembly of the PowerShell host, where it is not the one beside `pwsh` or in the cache.
pub const PWSH_HOST: &str = "SCRIPT_RUNTIME_PWSH_HOST";
/// The directory of the user's caches, where it is not `.cache` in the home.
pub const CACHE_HOME: &str = "XDG_CACHE_HOME";
/// Further directories of PowerShell modules.
pub const MODULE_PATH: &str = "PSModulePath";
/// How a Lisp handler gets its event and gives its answer.
pub const LISP_CONVENTION: &str = "SCRIPT_RUNTIME_LISP_CONVENTION";
/// The saved core that SBCL is started from.
pub const LISP_CORE: &str = "SCRIPT_RUNTIME_LISP_CORE";
/// The user's home.
pub const HOME: &str = "HOME";
/// Where programs are looked for.
pub const PATH: &str = "PATH";

/// What the names of our own variables begin with, and those of the tests.
pub const PREFIX: &str = "SCRIPT_RUNTIME_";
/// The same of those that belong to the tests.
pub const TEST_PREFIX: &str = "SCRIPT_RUNTIME_TEST_";

/// All that others set, as `docs/settings.md` lists them.
pub const ALL: [&str; 25] = [
    RUNTIME_API,
    HANDLER,
    TASK_ROOT,
    FUNCTION_NAME,
    FUNCTION_VERSION,
    FUNCTION_TIMEOUT,
    MEMORY_SIZE,
    LOG_GROUP,
    LOG_STREAM,
    INITIALIZATION_TYPE,
    EXEC_WRAPPER,
    LOG_FORMAT,
    LOG_LEVEL,
    MAX_CONCURRENCY,
    DEADLINE_MARGIN,
    RESPONSE_MODE,
    INTERFACE,
    BASH,
    PWSH,
    PWSH_HOST,
    CACHE_HOME,
    MODULE_PATH,
    LISP_CONVENTION,
    LISP_CORE,
    HOME,
];
