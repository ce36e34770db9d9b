//! An internal extension without events: Lambda sends SIGTERM before the end only where one is registered.

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

/// Registers, and then waits as an extension does, in a task of its own. Without it the hooks for the shutdown may not
/// run; events are answered all the same.
pub(super) async fn register(api: &str) {
    let mut connection = Connection::new(api);
    let registered = timeout(REGISTER_LIMIT, id(&mut connection)).await;
    match registered.unwrap_or(Err(RequestError::Late(REGISTER_LIMIT))) {
        Ok(id) => drop(tokio::spawn(wait(connection, id))),
        Err(error) => {
            tracing::warn!(
                "the hooks for the shutdown may not run: no extension could be registered: {error}"
            );
        }
    }
}

async fn id(connection: &mut Connection) -> Result<Bytes, RequestError> {
    let response = connection.request(&Request::register("lambda-script-runtime"), false).await?;
    let id = response.headers.get(EXTENSION_ID).filter(|_| response.status.is_success());
    id.map(Bytes::copy_from_slice).ok_or(RequestError::Status(response.status))
}

/// There will be no event; the request says that the extension is ready.
async fn wait(mut connection: Connection, id: Bytes) {
    let _ = connection.request(&Request::extension_next(id), false).await;
}
