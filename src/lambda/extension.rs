//! An internal extension without events: Lambda sends SIGTERM before the end only if an extension is registered.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::{
    connection::Connection,
    error::RequestError,
    request::{EXTENSION_ID, Request},
};

/// The first event does not wait longer than this.
const REGISTER_LIMIT: Duration = Duration::from_secs(2);

/// Registers the extension, and starts a task that waits as an extension. If this fails, shutdown hooks may not run,
/// but events are still answered.
pub(super) async fn register(api: &str) {
    let mut connection = Connection::new(api);
    let registered = timeout(REGISTER_LIMIT, id(&mut connection)).await;
    match registered.unwrap_or(Err(RequestError::Late(REGISTER_LIMIT))) {
        Ok(id) => drop(tokio::spawn(wait(connection, id))),
        Err(error) => {
            tracing::warn!("the hooks for the shutdown may not run: no extension could be registered: {error}");
        }
    }
}

async fn id(connection: &mut Connection) -> Result<Bytes, RequestError> {
    let response = connection.request(&Request::register("lambda-script-runtime"), false).await?;
    let id = response.headers.get(EXTENSION_ID).filter(|_| response.status.is_success());
    id.map(Bytes::copy_from_slice).ok_or(RequestError::Status(response.status))
}

/// No event will come. The request tells Lambda that the extension is ready.
async fn wait(mut connection: Connection, id: Bytes) {
    let _ = connection.request(&Request::extension_next(id), false).await;
}
