//! The floor of streamed answers: as many bytes as the event says, on `lambda_runtime`, as its users would write it.

use bytes::Bytes;
use lambda_runtime::{
    Error, LambdaEvent, service_fn,
    streaming::{Body, Response, channel},
};

const BLOCK: usize = 64 * 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |event: LambdaEvent<usize>| {
        let (mut sender, body) = channel();
        tokio::spawn(async move {
            let block = Bytes::from(vec![0; BLOCK]);
            let mut left = event.payload;
            while left > 0 {
                let part = block.slice(..left.min(BLOCK));
                left -= part.len();
                if sender.send_data(part).await.is_err() {
                    return;
                }
            }
        });
        Ok::<Response<Body>, Error>(Response::from(body))
    }))
    .await
}
