//! A bootstrap for the oldest base: linked against the C library that `al2` has, by Zig, which knows them all.

use std::process::Command;

use crate::support::repository;

/// The version of glibc in `provided:al2`.
const OLDEST: &str = "2.26";

/// `2.26` as numbers, to be compared.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|number| number.parse().unwrap()).collect()
}

#[test]
fn needs_no_newer_c_library_than_that_of_al2() {
    needs!("cargo-zigbuild");
    let tools = repository().join("target/tools/portable/bin");
    let path = std::env::join_paths(
        [tools.clone()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let triple = "x86_64-unknown-linux-gnu";
    let directory = repository().join("target/portable");
    // the tests beside it measure time
    let mut command = Command::new("nice");
    command.args(["-n", "19"]).arg(tools.join("cargo-zigbuild")).env("PATH", path.unwrap());
    command.args(["zigbuild", "--quiet", "--locked", "--bin", "bootstrap", "--target"]);
    command.arg(format!("{triple}.{OLDEST}")).arg("--target-dir").arg(&directory);
    let built = command.current_dir(repository()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let symbols = Command::new("objdump").arg("-T").arg(directory.join(triple).join("debug/bootstrap")).output();
    let symbols = String::from_utf8(symbols.unwrap().stdout).unwrap();
    let versions: Vec<_> = symbols.split("GLIBC_").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    assert!(versions.len() > 50, "{symbols}");
    for version in versions {
        assert!(numbers(version) <= numbers(OLDEST), "{version}: {symbols}");
    }
}
