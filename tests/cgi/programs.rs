//! Programs that were written for web servers: git's own server, CGI.pm of Perl, Lisp.

use std::{fs, path::Path, process::Command};

use serde_json::json;

use super::{answer, cgi, decoded, request};
use crate::support::{Function, code_block, needs::path_of, served::Served};

fn git(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).args([
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "-c",
        "init.defaultBranch=main",
    ]);
    let output = command.args(arguments).env("GIT_TERMINAL_PROMPT", "0").output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn commit(work: &Path, name: &str, bytes: &[u8]) {
    fs::write(work.join(name), bytes).unwrap();
    git(work, &["add", "."]);
    git(work, &["commit", "-qm", name]);
}

fn binary(size: u32) -> Vec<u8> {
    (0..size).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn serve(backend: &Path, repositories: &Path, mode: &str) -> Served {
    let script = code_block("http.md", "# git.sh");
    assert!(script.contains("git-http-backend") && backend.is_file());
    let function = Function::with(&[("git.sh", &script)]).handler("git.sh");
    let function = cgi(function).env("GIT_PROJECT_ROOT", &repositories.display().to_string());
    let function = function.env("GIT_HTTP_EXPORT_ALL", "1").env("SCRIPT_RUNTIME_RESPONSE_MODE", mode);
    function.serve(&["--http", "--timeout", "60", "--concurrency", "2"])
}

#[test]
fn git_clones_and_pushes_over_http() {
    let Some(backend) = path_of("git-http-backend") else { return };
    for mode in ["buffered", "streaming"] {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        git(directory.path(), &["init", "-q", "--bare", "shop.git"]);
        git(&place("shop.git"), &["config", "http.receivepack", "true"]);
        git(directory.path(), &["init", "-q", "first"]);
        commit(&place("first"), "small.bin", &binary(100_000));
        let served = serve(&backend, directory.path(), mode);
        let url = format!("http://127.0.0.1:{}/shop.git", served.port);
        git(&place("first"), &["push", "-q", &url, "main"]);
        git(directory.path(), &["clone", "-q", &url, "second"]);
        assert_eq!(fs::read(place("second").join("small.bin")).unwrap(), binary(100_000), "{mode}");
        commit(&place("second"), "large.bin", &binary(3_000_000));
        git(&place("second"), &["push", "-q", &url, "main"]);
        git(&place("first"), &["pull", "-q", &url, "main"]);
        assert_eq!(fs::read(place("first").join("large.bin")).unwrap(), binary(3_000_000), "{mode}");
    }
}

#[test]
fn the_form_of_the_page() {
    let form = code_block("http.md", "# form.sh");
    for mode in ["buffered", "streaming"] {
        let function = cgi(Function::with(&[("form.sh", &form)]).handler("form.sh"));
        let function = function.env("SCRIPT_RUNTIME_RESPONSE_MODE", mode);
        let served = function.serve(&["--http", "--timeout", "60"]);
        needs!(curl);
        let curl = |arguments: &[&str]| {
            let url = format!("http://127.0.0.1:{}/", served.port);
            let output = Command::new("curl").args(["-sS"]).args(arguments).arg(url).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        assert!(curl(&[]).starts_with("<form "), "{}", curl(&[]));
        assert_eq!(curl(&["-d", "name=Ann"]), "Thank you, Ann\n");
    }
}

const FORM: &str = r#"#!/usr/bin/perl
use strict;
use warnings;
use CGI;
my $query = CGI->new;
if (my $file = $query->upload('file')) {
    binmode $file;
    local $/;
    my $bytes = <$file>;
    print $query->header(-type => 'application/octet-stream', -cookie => [ $query->cookie(-name => 'seen', -value => 1) ]);
    binmode STDOUT;
    print $bytes;
} else {
    print $query->header('text/plain'), join ',', map { "$_=" . join '+', $query->multi_param($_) } sort $query->param;
}
"#;

#[test]
fn forms_and_uploads_of_cgi_pm() {
    needs!("CGI.pm", curl);
    let served = cgi(Function::with(&[("form.pl", FORM)]).handler("form.pl")).serve(&["--http", "--timeout", "60"]);
    let url = format!("http://127.0.0.1:{}/form?b=1", served.port);
    let curl = |arguments: &[&str]| {
        let output = Command::new("curl").args(["-sS", "--max-time", "60"]).args(arguments).arg(&url).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    assert_eq!(String::from_utf8(curl(&[])).unwrap(), "b=1");
    assert_eq!(String::from_utf8(curl(&["-d", "a=x%20y&a=z"])).unwrap(), "a=x y+z");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, binary(2_000_000)).unwrap();
    let upload = format!("file=@{}", file.path().display());
    for _ in 0..2 {
        assert!(curl(&["-F", "a=1", "-F", &upload]) == binary(2_000_000));
    }
}

#[test]
fn a_lisp_script_reads_and_writes_bytes() {
    needs!(sbcl);
    let code = r#"
        (defun main ()
          (format t "Content-Type: ~A~C~%~C~%" (sb-ext:posix-getenv "CONTENT_TYPE") #\Return #\Return)
          (loop for byte = (read-byte *standard-input* nil)
                while byte do (write-byte byte *standard-output*)))"#;
    let running = cgi(Function::with(&[("app.lisp", code)]).handler("app.lisp")).start();
    for body in ["AP8KCg==", ""] {
        let more = json!({ "body": body, "isBase64Encoded": true, "headers": { "content-type": "image/png" } });
        let answered = answer(&running, &request("POST", "/", "", more));
        assert_eq!(answered["headers"]["content-type"], "image/png");
        assert_eq!(decoded(&answered), if body.is_empty() { &b""[..] } else { b"\0\xff\n\n" });
    }
}
