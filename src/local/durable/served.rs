//! The executions of a server: callers start them, and each runs to its end.

use std::{path::Path, sync::Arc};

use http::Method;
use serde_json::Value;

use super::{
    api::{self, ApiError},
    desk::Desk,
    execution::{End, error},
    file::{FileError, StateFile},
    functions::Functions,
    report,
    schedule::{Invoke, Schedule, Until},
    state::State,
};
use crate::{durable::service::Service, failure::Failure, process::Children, settings::Settings, start::cli};

/// The number of finished executions that are kept.
const KEPT: usize = 100;

/// The executions.
pub struct Executions {
    desk: Arc<Desk>,
    functions: Functions,
    skip_time: bool,
    function_name: String,
}

/// The reason why a server cannot run executions.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The state file.
    #[error("{0}")]
    File(#[from] FileError),
    /// The functions.
    #[error("{0}")]
    Functions(Failure),
}

/// The reason why an execution does not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its name belongs to another execution.
    #[error("the durable execution `{0}` has another input: give this one another name")]
    Name(String),
    /// It cannot be stored.
    #[error("{0}")]
    File(#[from] FileError),
}

impl Executions {
    /// Continues the executions of the state file, or begins without any.
    pub fn open(settings: &Settings, options: &cli::Durable, children: &Children) -> Result<Self, OpenError> {
        let names: Vec<_> = options.functions.iter().map(|function| function.name.clone()).collect();
        let (file, state) = match &options.state {
            Some(path) => {
                let (file, state) = StateFile::take(path)?;
                let state = state.filter(|state| !state.executions.is_empty());
                if let Some(state) = &state {
                    check(state, path, &settings.handler, &names)?;
                }
                (Some(file), state)
            }
            None => (None, None),
        };
        let state = state.unwrap_or_else(|| State::new(&settings.handler, true));
        let desk = Arc::new(Desk::new(state, file, names, options.replay_each));
        desk.save()?;
        let service: Arc<dyn Service> = Arc::<Desk>::clone(&desk);
        let functions = Functions::new(settings, &options.functions, &service, children);
        Ok(Self {
            desk,
            functions: functions.map_err(OpenError::Functions)?,
            skip_time: options.skip_time,
            function_name: settings.function_name.clone(),
        })
    }

    /// The functions that their handlers can invoke.
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// The service for their handlers.
    pub fn service(&self) -> Arc<dyn Service> {
        Arc::<Desk>::clone(&self.desk)
    }

    /// Begins an execution, or finds the one of this name and input. Returns its ARN.
    pub fn start(&self, name: Option<&str>, input: String, tenant: Option<String>) -> Result<String, StartError> {
        self.desk.change(|state, now| {
            let mut own = state.executions.iter().filter(|execution| execution.parent.is_none());
            let found = own.find(|execution| Some(execution.name.as_str()) == name);
            match found {
                Some(execution) if execution.input() == input => (Ok(execution.arn.clone()), false),
                Some(execution) => (Err(StartError::Name(execution.name.clone())), false),
                None => {
                    state.forget_ended(KEPT);
                    let arn = state.start(&self.function_name, name, input, now);
                    if let Some(execution) = state.execution_mut(&arn) {
                        execution.tenant = tenant;
                    }
                    (Ok(arn), true)
                }
            }
        })?
    }

    /// Waits for the end of an execution.
    pub async fn ended(&self, arn: &str) -> Result<String, Failure> {
        let mut changes = self.desk.changes();
        loop {
            let end = self.desk.look(|state, _| match state.execution(arn) {
                Some(execution) => execution.end().cloned(),
                None => Some(End::Failed(error("Runtime.Forgotten", "the execution is gone"))),
            });
            if let Some(end) = end {
                return report::outcome(&end);
            }
            // the sender lives as long as the desk
            let _ = changes.changed().await;
        }
    }

    /// Runs the executions, and never returns.
    pub async fn run(&self, invoke: &dyn Invoke) -> FileError {
        let schedule = Schedule { desk: &self.desk, invoke, skip_time: self.skip_time, until: Until::Forever };
        match schedule.run().await {
            Err(error) => error,
            Ok(()) => unreachable!("BUG: this schedule has no end"),
        }
    }

    /// Answers a call of Lambda's API.
    pub fn call(&self, method: &Method, path: &str, query: &str, body: &[u8]) -> Result<Value, ApiError> {
        api::answer(&self.desk, method, path, query, body)
    }
}

fn check(state: &State, path: &Path, handler: &str, functions: &[String]) -> Result<(), FileError> {
    if !state.served {
        return Err(FileError::OtherUse(path.to_path_buf(), "a run without `--serve`"));
    }
    if state.handler != handler {
        return Err(FileError::OtherHandler(path.to_path_buf(), state.handler.clone()));
    }
    if let Some(function) = state.missing_function(functions) {
        return Err(FileError::MissingFunction(path.to_path_buf(), function.to_owned()));
    }
    Ok(())
}
