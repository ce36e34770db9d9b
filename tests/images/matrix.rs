//! The images as a customer-managed runtime may find itself: AWS's documentation does not say how Lambda starts such
//! an image, nor what becomes of its `ENV`, `USER`, `WORKDIR` and `/opt`. Every language answers in every cell.

use std::{fs, io::Write, path::Path, process::Command};

use tempfile::TempDir;

use super::{contexts::contexts, docker, docker_text, image, once};
use crate::support::{needs::found, repository};

/// Runs in a container: each handler, with and without the image's environment, started with a command and without
/// one, behind the emulator; two events each.
const CELL: &str = r#"
port=8080
for environment in kept dropped; do
    for start in entrypoint bootstrap; do
        for handler in "$@"; do
            # a bootstrap whose emulator has ended must not find the next one
            port=$((port + 2)) url=http://127.0.0.1:$port
            command=(/usr/bin/env)
            [[ $environment == kept ]] || command+=(-i)
            command+=("_HANDLER=$handler" /cell/aws-lambda-rie --runtime-interface-emulator-address "127.0.0.1:$port"
                --runtime-api-address "127.0.0.1:$((port + 1))")
            [[ $start == bootstrap ]] || command+=(/var/runtime/bootstrap "$handler")
            "${command[@]}" >/tmp/log 2>&1 &
            until curl -s -o /dev/null "$url"; do sleep 0.01; done
            for event in 1 2; do
                echo "$environment $start $handler: $(curl -s --data "$event" "$url/2015-03-31/functions/function/invocations")"
            done
            kill "$!"
        done
    done
done
wait
"#;

/// A folder that a container may read, with files that it may run.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
    }
    let opened = Command::new("chmod").args(["-R", "a+rX,u+x,g+x,o+x"]).arg(folder.path()).status().unwrap();
    assert!(opened.success());
    folder
}

/// The folder after its way through the zip of `manage.sh deploy --runtime`, as Lambda unpacks it.
fn unpacked(folder: &TempDir) -> TempDir {
    let (scratch, target) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let zip = "for part in limits call zip; do . manage/$part.sh; done; dir=$1 scratch=$2; make_zip";
    let unzip = "import os, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
for entry in archive.infolist():
    os.chmod(archive.extract(entry, sys.argv[2]), entry.external_attr >> 16 & 0o777)
os.chmod(sys.argv[2], 0o755)";
    let archive = scratch.path().join("function.zip");
    let mut zipping = Command::new("bash");
    zipping.args(["-euc", zip, "zip"]).args([folder.path(), scratch.path()]).current_dir(repository());
    let mut unzipping = Command::new("python3");
    unzipping.args(["-c", unzip]).args([archive.as_path(), target.path()]);
    for command in [&mut zipping, &mut unzipping] {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    target
}

/// The image with a layer over its `/opt`.
fn overlaid(image: &str, layer: &Path) -> String {
    let tag = format!("{image}-overlaid");
    fs::write(layer.join("Dockerfile"), format!("FROM {image}\nCOPY bin /opt/bin\n")).unwrap();
    docker_text(&["build", "--quiet", "--tag", &tag, layer.to_str().unwrap()]);
    tag
}

/// Each handler of a variant, `(HANDLER, FILE, TEXT, ANSWER)`, in all cells. An answer ends in the layer's word, where
/// there is a layer, and the event.
fn answers_in_every_cell(variant: &str, handlers: &[(&str, &str, &str, &str)]) {
    needs!(python3);
    let Some(image) = image(&format!("{variant}-al2-amd64")) else { return };
    let emulator = contexts().join("rie/usr/local/bin/aws-lambda-rie");
    let Some(emulator) = found("emulator", emulator.is_file().then_some(emulator)) else { return };
    let files: Vec<_> = handlers.iter().map(|&(_, file, text, _)| (file, text)).collect();
    let (task, layer, cell) = (
        unpacked(&folder(&files)),
        folder(&[("bin/of-the-layer", "#!/bin/sh\nprintf LAYER\n")]),
        folder(&[("cell.sh", CELL)]),
    );
    fs::copy(emulator, cell.path().join("aws-lambda-rie")).unwrap();
    let mount = |folder: &TempDir, place| format!("--volume={}:{place}:ro", folder.path().display());
    let hidden = mount(&layer, "/opt");
    let overlaid = overlaid(&image, layer.path());
    for (opt, image, option, word) in [
        ("whole", &image, "--tty=false", "none"),
        ("overlaid", &overlaid, "--tty=false", "LAYER"),
        ("hidden", &image, hidden.as_str(), "LAYER"),
        ("empty", &image, "--tmpfs=/opt", "none"),
    ] {
        for user in ["0:0", "12345:12345"] {
            for directory in ["/var/task", "/usr"] {
                let options = ["run", "--rm", "--network=none", "--read-only", "--tmpfs=/tmp", option];
                let place = ["--user", user, "--workdir", directory, "--entrypoint", "/bin/bash"];
                let mounts = [mount(&task, "/var/task"), mount(&cell, "/cell")];
                let mounts = [mounts[0].as_str(), &mounts[1], image, "/cell/cell.sh"];
                let names: Vec<_> = handlers.iter().map(|handler| handler.0).collect();
                let output = docker(&[&options[..], &place, &mounts, &names].concat());
                let mut expected = Vec::new();
                for start in ["kept entrypoint", "kept bootstrap", "dropped entrypoint", "dropped bootstrap"] {
                    for (handler, _, _, answer) in handlers {
                        for event in 1..=2 {
                            expected.push(format!("{start} {handler}: {answer} {word} {event}"));
                        }
                    }
                }
                let answers = String::from_utf8(output.stdout).unwrap();
                let cell = format!("/opt {opt}, user {user}, directory {directory}");
                assert_eq!(
                    answers.lines().collect::<Vec<_>>(),
                    expected,
                    "{cell}: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
                // the test harness keeps what `println!` prints of tests that pass
                let _ = writeln!(std::io::stderr(), "{variant}: {cell}: {} answers", answers.lines().count());
            }
        }
    }
    docker(&["image", "rm", "--force", &overlaid]);
}

/// Bash that says which program of a layer there is.
macro_rules! layer {
    () => {
        "$(of-the-layer 2>/dev/null || printf none)"
    };
}

#[test]
fn bash_answers_in_every_cell() {
    let function = concat!("handler() { echo \"$(readlink /proc/$BASHPID/exe) $(jq -n 1) ", layer!(), " $1\"; }\n");
    let program = concat!("#!/usr/bin/env bash\necho \"$(readlink /proc/$$/exe; :) ", layer!(), " $1\"\n");
    answers_in_every_cell(
        "bash",
        &[
            ("f.handler", "f.sh", function, "/var/lang/bin/bash 1"),
            ("program.sh", "program.sh", program, "/usr/bin/bash"),
        ],
    );
}

#[test]
fn lisp_answers_in_every_cell() {
    let function = "(defun f (event context)
        (declare (ignore context))
        (let ((layer (ignore-errors (uiop:run-program '(\"of-the-layer\") :output :string))))
          (format nil \"~A ~A ~A\" sb-ext:*core-pathname* (or layer \"none\") event)))";
    answers_in_every_cell("lisp", &[("main.f", "main.lisp", function, "/var/lang/lisp/runtime.core")]);
}

#[test]
fn powershell_answers_in_every_cell() {
    let module = "function Get-Place($Event) {
        $layer = (Get-Command of-the-layer -ErrorAction Ignore) ? (of-the-layer) : 'none'
        \"$((Get-Process -Id $PID).Path) $env:PSModuleAnalysisCachePath $layer $Event\"
    }";
    let answer = "/var/lang/powershell/pwsh /var/lang/powershell/ModuleAnalysisCache";
    answers_in_every_cell("powershell-runtime", &[("Shop.Get-Place", "Shop.psm1", module, answer)]);
}

#[test]
fn places_of_earlier_releases_are_links() {
    for (variant, links) in [
        ("bash", &["/opt/bin/bash", "/opt/bin/jq"][..]),
        ("lisp", &["/opt/bin/sbcl", "/opt/lib/sbcl", "/opt/lisp/runtime.core"]),
        ("powershell-runtime", &["/opt/bin/pwsh", "/opt/powershell/pwsh", "/opt/powershell/Modules"]),
    ] {
        let Some(image) = image(&format!("{variant}-al2-amd64")) else { continue };
        let command = ["run", "--rm", "--entrypoint", "/usr/bin/realpath", &image, "--canonicalize-existing"];
        let places = docker_text(&[&command[..], links].concat());
        assert!(places.lines().all(|place| place.starts_with("/var/lang/")), "{places}");
    }
}

#[test]
fn every_image_has_the_command_durable() {
    for variant in ["bash", "lisp", "powershell-runtime", "all"] {
        let Some(image) = image(&format!("{variant}-al2-amd64")) else { continue };
        let help = docker_text(&["run", "--rm", "--entrypoint", "durable", &image, "--help"]);
        assert!(help.starts_with("Steps, waits and callbacks of a durable execution.\n"), "{variant}: {help}");
    }
}

#[test]
fn bash_aws_has_the_command_that_was_brought() {
    let Some(image) = image("bash-aws-al2-amd64") else { return };
    let task = folder(&[("f.sh", "handler() { aws s3 ls \"$1\"; }\n")]);
    let mount = format!("{}:/var/task:ro", task.path().display());
    let answer = once(&["--volume", &mount, &image, "f.handler", "b"]).0;
    assert_eq!(answer, "aws s3 ls b\n");
}
