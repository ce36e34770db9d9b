//! The table of the environment variables that the bootstrap reads: field, type and default, name, values, meaning. The
//! settings, their errors, and the table of `docs/settings.md` come of it.

use std::{
    ffi::OsString,
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tracing::level_filters::LevelFilter;

use super::{
    SettingsError,
    value::{Environment, Interface, LispConvention, LogFormat, ResponseMode},
};
use crate::failure::secrets::Secrets;

macro_rules! settings {
    (
        read {
            $($field:ident: $type:ty $(= $default:expr)?,
                $constant:ident = $name:literal, $takes:literal, $meaning:literal;)+
        }
        others { $($other:ident = $other_name:literal, $other_meaning:literal;)+ }
    ) => {
        /// The settings of one run: the values of the variables, and what follows from several of them.
        #[derive(Clone, Debug)]
        pub struct Settings {
            $(#[doc = $meaning] pub $field: $type,)+
            /// Whether the workers go through a SnapStart snapshot before their first event.
            pub snapstart: bool,
            pub environment: Environment,
            /// The credentials in it.
            pub secrets: Arc<Secrets>,
        }

        impl Settings {
            /// Reads each variable once.
            pub(super) fn of(environment: Environment) -> Result<Self, SettingsError> {
                Ok(Self {
                    $($field: variable::$constant.read(&environment, settings!(@default $($default)?))?,)+
                    snapstart: false,
                    secrets: Arc::new(Secrets::of(&environment)),
                    environment,
                })
            }
        }

        /// The variables themselves.
        pub mod variable {
            use crate::settings::Variable;

            $(#[doc = $meaning]
            pub const $constant: Variable = Variable { name: $name, takes: $takes, meaning: $meaning };)+
            $(#[doc = $other_meaning]
            pub const $other: Variable = Variable { name: $other_name, takes: "text", meaning: $other_meaning };)+

            /// All of them, as `docs/settings.md` lists them.
            pub const TABLE: &[Variable] = &[$($constant,)+ $($other),+];

            /// Their names.
            pub const ALL: [&str; TABLE.len()] = [$($name,)+ $($other_name),+];
        }
    };
    (@default) => { None };
    (@default $default:expr) => { Some($default) };
}

settings! {
    read {
        runtime_api: Option<String>, RUNTIME_API = "AWS_LAMBDA_RUNTIME_API", "HOST:PORT",
            "where events come from: set by Lambda and by its emulator";
        handler: String, HANDLER = "_HANDLER", "a handler",
            "the handler, before the first argument";
        task_root: PathBuf, TASK_ROOT = "LAMBDA_TASK_ROOT", "a directory",
            "the directory of your files, and the working directory; default: where `bootstrap` starts";
        function_timeout: Option<NonZeroU64>, FUNCTION_TIMEOUT = "AWS_LAMBDA_FUNCTION_TIMEOUT",
            "a number of seconds from 1 on",
            "in a container without Lambda (`docker run -p 9000:8080 IMAGE`, which serves): how long an event may take, in seconds; default 300";
        function_name: String, FUNCTION_NAME = "AWS_LAMBDA_FUNCTION_NAME", "text",
            "set by Lambda and by its emulator; a local run sets what the emulator would";
        function_version: String, FUNCTION_VERSION = "AWS_LAMBDA_FUNCTION_VERSION", "text",
            "the same";
        memory: i32, MEMORY_SIZE = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "a number of MB",
            "the same: the function's memory in MB, of which SBCL's heap gets three quarters";
        initialization_type: Option<String>, INITIALIZATION_TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE", "text",
            "set by Lambda. `snap-start`: see [SnapStart](snapstart.md). `lambda-managed-instances`: logs are JSON by default, and an event is always ended at its deadline";
        log_format: LogFormat = LogFormat::Text, LOG_FORMAT = "AWS_LAMBDA_LOG_FORMAT", "`Text` or `JSON`",
            "`Text` (default, but on managed instances): lines pass as they are. `JSON`: each becomes an object with `timestamp`, `level`, `requestId` and `message`; a line that is an object passes unchanged";
        log_level: LevelFilter = LevelFilter::INFO, LOG_LEVEL = "AWS_LAMBDA_LOG_LEVEL",
            "TRACE, DEBUG, INFO, WARN, ERROR or FATAL",
            "the least level of the runtime's own lines: `TRACE`, `DEBUG`, `INFO` (default), `WARN`, `ERROR`, `FATAL`";
        max_concurrency: NonZeroUsize = NonZeroUsize::MIN, MAX_CONCURRENCY = "AWS_LAMBDA_MAX_CONCURRENCY",
            "a number from 1 on",
            "how many events run at the same time, each on a worker of its own; default 1. The first worker that is ready asks for events, the others follow";
        deadline_margin: Option<Duration> = Some(Duration::from_millis(200)), DEADLINE_MARGIN = "SCRIPT_RUNTIME_DEADLINE_MARGIN_MS",
            "a number of milliseconds, 0 for never",
            "how long before its deadline an event is given up with `Runtime.DeadlineExceeded`, so that its log is out and the environment lives on; default 200, 0 for never";
        response_mode: ResponseMode = ResponseMode::Buffered, RESPONSE_MODE = "SCRIPT_RUNTIME_RESPONSE_MODE",
            "`buffered` or `streaming`",
            "`streaming`: an answer goes out while the handler writes it; default `buffered`: see [HTTP, streaming and CGI](http.md)";
        interface: Interface = Interface::Event, INTERFACE = "SCRIPT_RUNTIME_INTERFACE", "`event` or `cgi`",
            "`cgi`: HTTP events for programs that have answered a web server; default `event`";
        lisp_convention: Option<LispConvention>, LISP_CONVENTION = "SCRIPT_RUNTIME_LISP_CONVENTION",
            "`string`, `standard-io`, `octets`, `stream`, `jsown` or `yason`",
            "how a Lisp function gets its event: `string`, `standard-io`, `octets`, `stream`, `jsown` or `yason` ([what each means](lisp.md#event-and-answer))";
        lisp_core: Option<PathBuf>, LISP_CORE = "SCRIPT_RUNTIME_LISP_CORE", "a path",
            "the saved core that SBCL starts from, relative to the task root; default `/var/lang/lisp/runtime.core` where that exists, else the shim is loaded from its source";
        bash: Option<PathBuf>, BASH = "SCRIPT_RUNTIME_BASH", "a path",
            "the Bash that runs functions; else `/var/lang/bin/bash`, which the images have, else the one on the `PATH`";
        pwsh: Option<PathBuf>, PWSH = "SCRIPT_RUNTIME_PWSH", "a path",
            "the path of `pwsh`, where it is not the one on the `PATH`";
        pwsh_host: Option<PathBuf>, PWSH_HOST = "SCRIPT_RUNTIME_PWSH_HOST", "a path",
            "the assembly of the PowerShell host, relative to the task root; default `lambda-script-runtime.dll` beside `pwsh` where that fits, else it is compiled at the first start";
        cache_home: Option<PathBuf>, CACHE_HOME = "XDG_CACHE_HOME", "a path",
            "where the PowerShell host is kept that was compiled at the first start, and unpacked modules; default `~/.cache`, else `/tmp`";
        module_path: Option<OsString>, MODULE_PATH = "PSModulePath", "directories",
            "further directories of PowerShell modules, after the task root, `modules/`, packed modules and those in `/opt`";
        home: PathBuf, HOME = "HOME", "a directory",
            "becomes `/tmp` where it is not set or cannot be written to";
        path: Option<OsString>, PATH = "PATH", "directories",
            "where interpreters are looked for, and programs by their handlers";
    }
    others {
        LOG_GROUP = "AWS_LAMBDA_LOG_GROUP_NAME", "set by Lambda and by its emulator; a local run sets what the emulator would";
        LOG_STREAM = "AWS_LAMBDA_LOG_STREAM_NAME", "the same";
        EXEC_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER",
            "a program of a layer that `bootstrap` starts itself through, once, as the managed runtimes do: copy the layer into the image's `/opt`";
        REGION = "AWS_REGION", "set by Lambda: the region whose service keeps the steps of a [durable function](durable.md)";
        DEFAULT_REGION = "AWS_DEFAULT_REGION", "the same, where `AWS_REGION` is not set";
        ACCESS_KEY_ID = "AWS_ACCESS_KEY_ID", "set by Lambda: the credentials for that service";
        SECRET_ACCESS_KEY = "AWS_SECRET_ACCESS_KEY", "the same";
        SESSION_TOKEN = "AWS_SESSION_TOKEN", "the same";
        ENDPOINT_URL_LAMBDA = "AWS_ENDPOINT_URL_LAMBDA",
            "the URL of that service, where it is not `https://lambda.REGION.amazonaws.com`: an interface endpoint, or a stand-in for tests";
        ENDPOINT_URL = "AWS_ENDPOINT_URL", "the same, where `AWS_ENDPOINT_URL_LAMBDA` is not set";
        CA_BUNDLE = "AWS_CA_BUNDLE",
            "a PEM file with the certificates by which that service is known; default: those of the system, else those of Mozilla";
    }
}
