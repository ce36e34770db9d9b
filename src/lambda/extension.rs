//! An internal extension without events: Lambda sends SIGTERM before the end only where one is registered.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::connection::{Connection, Request};

const NAME: &[u8] = b"lambda-script-runtime";
const IDENTIFIER: &str = "lambda-extension-identifier";

/// The first event does not wait longer than this.
const REGISTER_LIMIT: Duration = Duration::from_secs(2);

/// Registers, and then waits as an extension does, in a task of its own. Without it the hooks for the shutdown may not
/// run; events are answered all the same.
pub(super) async fn register(api: &str) {
    let mut connection = Connection::new(api);
    let registered = timeout(REGISTER_LIMIT, identifier(&mut connection)).await;
    match registered.unwrap_or_else(|_| Err("registering an extension was not answered".to_owned())) {
        Ok(identifier) => drop(tokio::spawn(wait(connection, identifier))),
        Err(reason) => tracing::warn!("the hooks for the shutdown may not run: {reason}"),
    }
}

async fn identifier(connection: &mut Connection) -> Result<Bytes, String> {
    let request = Request {
        method: "POST",
        path: "/2020-01-01/extension/register",
        headers: &[("lambda-extension-name", NAME), ("content-type", b"application/json")],
        body: Bytes::from_static(br#"{"events":[]}"#),
    };
    let response = connection.request(&request, false).await.map_err(|error| error.to_string())?;
    let identifier = response.headers.get(IDENTIFIER).filter(|_| response.status.is_success());
    let identifier =
        identifier.ok_or_else(|| format!("registering an extension was answered by {}", response.status))?;
    Ok(Bytes::copy_from_slice(identifier))
}

/// There will be no event; the request says that the extension is ready.
async fn wait(mut connection: Connection, identifier: Bytes) {
    let request = Request {
        method: "GET",
        path: "/2020-01-01/extension/event/next",
        headers: &[(IDENTIFIER, &identifier)],
        body: Bytes::new(),
    };
    let _ = connection.request(&request, false).await;
}
