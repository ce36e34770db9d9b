//! `--function`: the functions that a handler invokes, each with its own worker.

use std::{ffi::OsString, future::pending, sync::Arc};

use bytes::Bytes;
use tokio::sync::Mutex;

use super::{execution::find_function, schedule::Invoked};
use crate::{
    durable::{Durable, Envelope, service::Service},
    event::headers::Headers,
    failure::{ErrorType, Failure},
    languages,
    limits::LONGEST_TIMEOUT,
    local::invocation,
    process::Children,
    settings::{Settings, SettingsError, variable},
    start::cli,
    worker::slot::Slot,
};

/// The functions of a desk.
pub struct Functions {
    all: Vec<Function>,
    children: Children,
}

/// A function with its slot, which is created for its first event.
struct Function {
    name: String,
    settings: Arc<Settings>,
    core: Durable,
    slot: Mutex<Option<Slot>>,
}

impl Functions {
    /// The functions of the command line, with the settings of the handler.
    pub fn new(
        settings: &Settings,
        functions: &[cli::Function],
        service: &Arc<dyn Service>,
        children: &Children,
    ) -> Result<Self, Failure> {
        let all = functions.iter().map(|function| Function::new(settings, function, service));
        let all: Result<_, _> = all.collect();
        let all = all.map_err(|error| Failure::new(ErrorType::InvalidConfiguration, error.to_string()))?;
        Ok(Self { all, children: children.clone() })
    }

    /// Runs an event with the function of this name.
    pub async fn invoke(&self, called: &str, headers: Headers, event: Bytes) -> Invoked {
        let Some(function) = find_function(&self.all, called, |function| &function.name) else {
            // the state file may come from a run with other functions
            let message = format!("there is no function `{called}`: give it by `--function {called}=DIR:HANDLER`");
            return Invoked::never(Failure::new(ErrorType::InvalidConfiguration, message));
        };
        let mut place = function.slot.lock().await;
        let slot = match &mut *place {
            Some(slot) => slot,
            None => match load(&function.settings, &self.children).await {
                Ok(slot) => place.insert(slot),
                Err(failure) => return Invoked::never(failure),
            },
        };
        Invoked::run(&function.core, slot, &function.settings, headers, event).await
    }
}

impl Function {
    fn new(settings: &Settings, function: &cli::Function, service: &Arc<dyn Service>) -> Result<Self, SettingsError> {
        let mut environment = settings.environment.clone();
        let mut set = |name: &str, value: OsString| drop(environment.insert(name.into(), value));
        set(variable::TASK_ROOT.name, function.directory.clone().into());
        set(variable::HANDLER.name, function.handler.clone().into());
        set(variable::FUNCTION_NAME.name, function.name.clone().into());
        let settings = Arc::new(Settings::read(environment, None, true)?);
        let core = Durable::with(&settings, Arc::clone(service));
        Ok(Self { name: function.name.clone(), settings, core, slot: Mutex::default() })
    }
}

impl Invoked {
    /// Runs an event in a slot.
    pub async fn run(core: &Durable, slot: &mut Slot, settings: &Settings, headers: Headers, event: Bytes) -> Self {
        let mut invocation = invocation(settings, event, headers);
        invocation.begin(LONGEST_TIMEOUT);
        let request_id = invocation.request_id().to_owned();
        let envelope = Envelope::of(&invocation.event);
        let outcome = core.run(slot, &mut invocation, envelope).await;
        Self { request_id, outcome, is_final: false }
    }

    /// An invocation that cannot begin.
    fn never(failure: Failure) -> Self {
        Self { request_id: uuid::Uuid::new_v4().to_string(), outcome: Err(failure), is_final: true }
    }
}

/// A slot whose worker has loaded the files. Never returns if a shutdown begins before.
pub async fn load(settings: &Arc<Settings>, children: &Children) -> Result<Slot, Failure> {
    let setup = children.shutdown.run_until_cancelled(languages::setup(settings, children)).await;
    let Some(setup) = setup else { return pending().await };
    let mut slot = Slot::new(&setup?);
    slot.load().await.map(|()| slot)
}
