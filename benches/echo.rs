//! The floor of the comparison: a native echo on `lambda_runtime`, as its users would write it. It takes as many
//! events at the same time as `AWS_LAMBDA_MAX_CONCURRENCY` says.

use futures_util::future::try_join_all;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let slots = std::env::var("AWS_LAMBDA_MAX_CONCURRENCY").map_or(Ok(1), |slots| slots.parse::<usize>())?;
    let echo = async |event: LambdaEvent<Box<RawValue>>| Ok::<_, Error>(event.payload);
    try_join_all((0..slots).map(|_| lambda_runtime::run(service_fn(echo)))).await?;
    Ok(())
}
