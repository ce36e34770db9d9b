//! The table of the environment variables that the bootstrap reads: field, type and default, name, values, meaning. It
//! generates the settings, their errors, and the table of `docs/settings.md`.

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
        /// The settings of one run: the values of the variables, and values that depend on several of them.
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
            "the address of the Runtime API; set by Lambda and by its emulator";
        handler: String, HANDLER = "_HANDLER", "a handler",
            "the handler; if it is not set or empty, the first argument is the handler";
        task_root: PathBuf, TASK_ROOT = "LAMBDA_TASK_ROOT", "a directory",
            "the task root: the directory of your files, and the working directory of handlers; default: the directory in which `bootstrap` starts";
        function_timeout: Option<NonZeroU64>, FUNCTION_TIMEOUT = "AWS_LAMBDA_FUNCTION_TIMEOUT",
            "a number of seconds from 1 on",
            "the timeout in seconds when an image runs as a server (`docker run -p 9000:8080 IMAGE`); default 300";
        function_name: String, FUNCTION_NAME = "AWS_LAMBDA_FUNCTION_NAME", "text",
            "set by Lambda and by its emulator; local runs set the emulator's value";
        function_version: String, FUNCTION_VERSION = "AWS_LAMBDA_FUNCTION_VERSION", "text",
            "the same";
        memory: i32, MEMORY_SIZE = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "a number of MB",
            "the same; the function's memory in MB: SBCL's heap gets three quarters of it";
        initialization_type: Option<String>, INITIALIZATION_TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE", "text",
            "set by Lambda. `snap-start`: see [SnapStart](snapstart.md). `lambda-managed-instances`: logs are JSON by default, and an event always ends at its deadline";
        log_format: LogFormat = LogFormat::Text, LOG_FORMAT = "AWS_LAMBDA_LOG_FORMAT", "`Text` or `JSON`",
            "`Text` (default, except on managed instances): a handler's lines are logged unchanged. `JSON`: each line becomes an object with `timestamp`, `level`, `requestId` and `message`; a line that is already a JSON object is logged unchanged";
        log_level: LevelFilter = LevelFilter::INFO, LOG_LEVEL = "AWS_LAMBDA_LOG_LEVEL",
            "TRACE, DEBUG, INFO, WARN, ERROR or FATAL",
            "the lowest level of the runtime's own lines that is logged: `TRACE`, `DEBUG`, `INFO` (default), `WARN`, `ERROR`, `FATAL`";
        max_concurrency: NonZeroUsize = NonZeroUsize::MIN, MAX_CONCURRENCY = "AWS_LAMBDA_MAX_CONCURRENCY",
            "a number from 1 on",
            "how many events run at the same time, each on its own worker; default 1. The first worker that is ready asks for events; the other workers follow";
        deadline_margin: Option<Duration> = Some(Duration::from_millis(200)), DEADLINE_MARGIN = "SCRIPT_RUNTIME_DEADLINE_MARGIN_MS",
            "a number of milliseconds, 0 for never",
            "how many milliseconds before its deadline an event ends with `Runtime.DeadlineExceeded`, so that its log is written and the environment continues; default 200; 0 turns this off";
        response_mode: ResponseMode = ResponseMode::Buffered, RESPONSE_MODE = "SCRIPT_RUNTIME_RESPONSE_MODE",
            "`buffered` or `streaming`",
            "`streaming`: an answer is sent while the handler writes it; default `buffered`. See [HTTP, streaming and CGI](http.md)";
        interface: Interface = Interface::Event, INTERFACE = "SCRIPT_RUNTIME_INTERFACE", "`event` or `cgi`",
            "`cgi`: the handler is a CGI program, and gets HTTP events as CGI requests; default `event`";
        lisp_convention: Option<LispConvention>, LISP_CONVENTION = "SCRIPT_RUNTIME_LISP_CONVENTION",
            "`string`, `standard-io`, `octets`, `stream`, `jsown` or `yason`",
            "how a Lisp function gets its event and returns its answer: `string`, `standard-io`, `octets`, `stream`, `jsown` or `yason` ([what each means](lisp.md#event-and-answer))";
        lisp_core: Option<PathBuf>, LISP_CORE = "SCRIPT_RUNTIME_LISP_CORE", "a path",
            "the saved core that SBCL starts from, relative to the task root; default `/var/lang/lisp/runtime.core` if it exists; without a core, the shim is loaded from source";
        bash: Option<PathBuf>, BASH = "SCRIPT_RUNTIME_BASH", "a path",
            "the path of the Bash that runs functions; default `/var/lang/bin/bash` (in the images), else `bash` on the `PATH`";
        pwsh: Option<PathBuf>, PWSH = "SCRIPT_RUNTIME_PWSH", "a path",
            "the path of `pwsh`; default: `pwsh` on the `PATH`";
        pwsh_host: Option<PathBuf>, PWSH_HOST = "SCRIPT_RUNTIME_PWSH_HOST", "a path",
            "the assembly of the PowerShell host, relative to the task root; default `lambda-script-runtime.dll` beside `pwsh` if it has the right version; otherwise it is compiled at the first start";
        cache_home: Option<PathBuf>, CACHE_HOME = "XDG_CACHE_HOME", "a path",
            "the directory for unpacked modules and for a PowerShell host that was compiled at the first start; default `~/.cache`, else `/tmp`";
        module_path: Option<OsString>, MODULE_PATH = "PSModulePath", "directories",
            "more directories of PowerShell modules; searched after the task root, `modules/`, packed modules and the modules in `/opt`";
        home: PathBuf, HOME = "HOME", "a directory",
            "set to `/tmp` if it is not set or not writable";
        path: Option<OsString>, PATH = "PATH", "directories",
            "the directories in which interpreters are searched";
    }
    others {
        LOG_GROUP = "AWS_LAMBDA_LOG_GROUP_NAME", "set by Lambda and by its emulator; local runs set the emulator's value";
        LOG_STREAM = "AWS_LAMBDA_LOG_STREAM_NAME", "the same";
        EXEC_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER",
            "a program, usually of a layer, through which `bootstrap` starts itself once, as in the managed runtimes; copy the layer into the image's `/opt`";
        REGION = "AWS_REGION", "set by Lambda; the region of the service that stores the steps of a [durable function](durable.md)";
        DEFAULT_REGION = "AWS_DEFAULT_REGION", "the same, if `AWS_REGION` is not set";
        ACCESS_KEY_ID = "AWS_ACCESS_KEY_ID", "set by Lambda; the credentials for that service";
        SECRET_ACCESS_KEY = "AWS_SECRET_ACCESS_KEY", "the same";
        SESSION_TOKEN = "AWS_SESSION_TOKEN", "the same";
        ENDPOINT_URL_LAMBDA = "AWS_ENDPOINT_URL_LAMBDA",
            "the URL of that service, such as an interface endpoint or a test server; default `https://lambda.REGION.amazonaws.com`";
        ENDPOINT_URL = "AWS_ENDPOINT_URL", "the same, if `AWS_ENDPOINT_URL_LAMBDA` is not set";
        CA_BUNDLE = "AWS_CA_BUNDLE",
            "a PEM file with the root certificates for connections to that service; default: the system's certificates, else Mozilla's";
    }
}
