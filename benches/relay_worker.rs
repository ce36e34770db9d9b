//! A worker in native code behind `bootstrap`: the least that a resident shim can be. It is started as
//! an `sbcl`, whose last three arguments say where the pipes are, and gives each event back.

use std::{
    env,
    error::Error,
    fs::File,
    io::{BufRead, BufReader, Read, Write},
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().collect();
    let [.., directory, requests, reports, _] = &arguments[..] else { return Err("it has no pipes".into()) };
    let mut requests = BufReader::with_capacity(1 << 20, File::open(format!("{directory}/{requests}"))?);
    let mut reports = File::options().write(true).open(format!("{directory}/{reports}"))?;
    reports.write_all(b"ready 0\n")?;
    let (mut head, mut payload) = (String::new(), Vec::new());
    loop {
        head.clear();
        if requests.read_line(&mut head)? == 0 {
            return Ok(());
        }
        let (name, length) = head.trim_end().split_once(' ').ok_or("a head without a length")?;
        let length: usize = length.parse()?;
        payload.resize(length, 0);
        requests.read_exact(&mut payload)?;
        if name == "event" {
            let mut answer = format!("answer {length}\n").into_bytes();
            answer.extend_from_slice(&payload);
            reports.write_all(&answer)?;
        }
    }
}
