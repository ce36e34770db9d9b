//! Kills a worker, or the processes of its event.

use std::{future::pending, time::Duration};

use super::{Worker, phase::Phase};
use crate::{
    event::{
        invocation::{Invocation, REQUEST_ID_VARIABLE},
        suspension::Suspension,
    },
    process::Marks,
};

impl Worker {
    /// Kills the worker and its group. During a shutdown, it kills nothing: all processes have time to end.
    pub(super) async fn kill(&mut self) {
        if let Some(child) = self.child.as_mut().filter(|_| !self.setup.children.shutdown.is_cancelled()) {
            child.kill().await;
        }
    }

    /// Sends SIGTERM to the handler's processes, and waits for this long. An answer that comes now is dropped.
    pub(super) async fn ask_to_end(&mut self, invocation: &Invocation, grace: Duration) {
        let marks = self.marks(invocation);
        let Some(child) = self.child.as_ref().filter(|_| !self.setup.children.shutdown.is_cancelled()) else {
            return;
        };
        let keep_worker = self.setup.launch.transport.has_worker();
        let end = child.terminate_event(&marks, keep_worker, grace);
        let transport = &mut self.transport;
        let pass_over = async {
            while let Ok(Some(_)) = transport.message().await {}
            pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = end => {}
            () = pass_over => {}
        }
    }

    /// Kills the handler's processes. The worker stays if its own processes are known.
    pub(super) async fn suspend(&mut self, phase: Phase<'_>, suspension: &Suspension) {
        let Phase::Event(invocation, _) = phase else { return };
        if !self.setup.children.shutdown.is_cancelled() && !suspension.kill().await {
            self.kill_event(invocation).await;
        }
    }

    /// Kills all processes of the event, and the worker.
    pub(super) async fn kill_event(&mut self, invocation: &Invocation) {
        let marks = self.marks(invocation);
        let Some(child) = &mut self.child else { return };
        if self.setup.children.shutdown.run_until_cancelled(child.kill_event(&marks)).await.is_none() {
            // during a shutdown, they have time to end
            child.exited().await;
        }
    }

    pub(super) fn marks(&self, invocation: &Invocation) -> Marks {
        Marks {
            variable: format!("{REQUEST_ID_VARIABLE}={}", invocation.request_id()).into_bytes(),
            arguments: self.transport.mark(),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(child) = self.child.as_ref().filter(|_| !self.setup.children.shutdown.is_cancelled()) {
            child.kill_group();
        }
        self.log.lock().drain();
    }
}
