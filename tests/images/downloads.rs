//! The downloads of the Dockerfile's stages, without the network: the scripts run up to the last download, with commands
//! that only note their arguments.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::support::repository;

/// Stand-ins for the commands that a script calls before its last download. Only the emulator's stage calls curl.
const STAND_INS: &str = r#"
set -eu
fetch() { echo "download $1 $2"; }
curl() { echo "download ${*: -1} $sha256"; }
tar() { :; }; mkdir() { :; }; patch() { :; }; chmod() { :; }; test() { builtin test "$@"; }
"#;

/// Where files come from.
const HOSTS: [&str; 5] = [
    "https://static.rust-lang.org/",
    "https://github.com/",
    "https://downloads.sourceforge.net/",
    "https://beta.quicklisp.org/",
    "https://ftp.gnu.org/",
];

/// How the architectures are called in the names of files.
const ARCHITECTURES: [(&str, &[&str]); 2] =
    [("amd64", &["amd64", "x86_64", "x86-64", "x64"]), ("arm64", &["arm64", "aarch64"])];

/// A stage: the settings that it declares, the files that it is given, its scripts.
#[derive(Default)]
struct Stage {
    name: String,
    settings: Vec<String>,
    files: BTreeMap<String, String>,
    scripts: Vec<String>,
}

/// The settings with their values, and the stages.
fn read(dockerfile: &str) -> (BTreeMap<String, String>, Vec<Stage>) {
    let text = fs::read_to_string(repository().join(dockerfile)).unwrap();
    let (mut values, mut stages) = (BTreeMap::new(), Vec::<Stage>::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let words: Vec<_> = line.split_whitespace().collect();
        match (words.first().copied(), stages.last_mut()) {
            (Some("FROM"), _) => {
                let name = words.last().unwrap().to_string();
                stages.push(Stage { name, ..Stage::default() });
            }
            (Some("ARG"), None) => {
                let (name, value) = words[1].split_once('=').unwrap();
                values.insert(name.to_owned(), value.to_owned());
            }
            (Some("ARG"), Some(stage)) => stage.settings.push(words[1].to_owned()),
            (Some("RUN" | "COPY"), Some(stage)) if line.contains("<<'EOF'") => {
                let body: Vec<_> = lines.by_ref().take_while(|line| *line != "EOF").collect();
                let body = body.join("\n") + "\n";
                if words[0] == "RUN" {
                    stage.scripts.push(body);
                } else {
                    stage.files.insert((*words.last().unwrap()).to_owned(), body);
                }
            }
            _ => {}
        }
    }
    (values, stages)
}

/// The downloads of a script on an architecture: addresses and checksums.
fn downloads(stage: &Stage, values: &BTreeMap<String, String>, architecture: &str) -> Vec<(String, String)> {
    let directory = TempDir::new().unwrap();
    let mut found = Vec::new();
    for script in &stage.scripts {
        let calls = ["fetch \"", "curl --fail"];
        let Some(last) = calls.iter().filter_map(|call| script.rfind(call)).max() else { continue };
        // with the end of the loop that it may stand in
        let rest = &script[last..];
        let end = rest.find("done </tmp/").unwrap_or(0);
        let line_end = |from: usize| from + rest[from..].find('\n').unwrap();
        let mut end = line_end(end);
        while rest[..end].ends_with('\\') {
            end = line_end(end + 1);
        }
        let mut script = script[..last + end].to_owned();
        for (path, text) in &stage.files {
            let file = directory.path().join(Path::new(path).file_name().unwrap());
            fs::write(&file, text).unwrap();
            script = script.replace(&format!("</{}", &path[1..]), &format!("<{}", file.display()));
        }
        let mut command = Command::new("bash");
        command.args(["-c", &format!("{STAND_INS}{script}")]).env_clear().env("PATH", "/usr/bin:/bin");
        for name in &stage.settings {
            if let Some(value) = values.get(name) {
                command.env(name, value);
            }
        }
        let output = command.env("TARGETARCH", architecture).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}: {}", stage.name, String::from_utf8_lossy(&output.stderr));
        found.extend(said.lines().filter_map(|line| {
            let (url, sha256) = line.strip_prefix("download ")?.split_once(' ')?;
            Some((url.to_owned(), sha256.to_owned()))
        }));
    }
    found
}

/// The values that the targets on al2023 have instead.
fn values_of_al2023(values: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let bake = fs::read_to_string(repository().join("docker-bake.hcl")).unwrap();
    let (_, block) = bake.split_once("variable \"POWERSHELL_AL2023\"").unwrap();
    let mut values = values.clone();
    for line in block.lines().filter(|line| line.contains("POWERSHELL_") && line.contains('"')) {
        let (name, value) = line.split_once('=').unwrap();
        let known = values.insert(name.trim().to_owned(), value.trim().trim_matches('"').to_owned());
        assert!(known.is_some(), "{name}: the Dockerfile has no such setting");
    }
    values
}

#[test]
fn each_download_has_an_address_and_a_checksum_on_both_architectures() {
    let mut all = 0;
    for dockerfile in ["Dockerfile", "Dockerfile.rie"] {
        let (values, stages) = read(dockerfile);
        let bases = if dockerfile == "Dockerfile" { vec![values_of_al2023(&values), values] } else { vec![values] };
        for values in bases {
            for stage in &stages {
                let [amd64, arm64] = ARCHITECTURES.map(|(name, _)| downloads(stage, &values, name));
                assert_eq!(amd64.len(), arm64.len(), "{}", stage.name);
                for ((url, sha256), (other_url, other_sha256)) in amd64.iter().zip(&arm64) {
                    check(stage, 0, url, sha256);
                    check(stage, 1, other_url, other_sha256);
                    assert_eq!(url == other_url, sha256 == other_sha256, "{url} {other_url}");
                    all += 1;
                }
            }
        }
    }
    // Rust, PowerShell, SBCL twice, its libraries, jq, Bash and its patches on two bases; the emulator
    assert_eq!(all, 2 * (1 + 1 + 2 + 12 + 1 + 21) + 1);
}

fn check(stage: &Stage, architecture: usize, url: &str, sha256: &str) {
    // no more than a version could put there: a shell has variables of its own
    let is_plain = url.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/._-".contains(&byte));
    assert!(HOSTS.iter().any(|host| url.starts_with(host)) && is_plain, "{url}");
    let is_digest = sha256.len() == 64 && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    assert!(is_digest, "{}: {url}: {sha256}", stage.name);
    let of = |names: &[&str]| names.iter().any(|name| url.contains(name));
    assert!(!of(ARCHITECTURES[1 - architecture].1), "{}: {url}", stage.name);
}
