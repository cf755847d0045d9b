//! The program in the README: it checks clean, and its tests pass.

use std::path::Path;
use std::process::Command;

#[test]
fn the_program_of_the_readme_passes_its_own_tests() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme).expect("it is read");
    let (_, rest) = readme.split_once("```flow\n").expect("a program");
    let (program, _) = rest.split_once("```").expect("its end");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("readme.flow"), program).expect("it is written");
    let flowc = |command: &str| {
        let mut flowc = Command::new(env!("CARGO_BIN_EXE_flowc"));
        let out = flowc.args([command, "readme.flow"]).current_dir(folder.path()).output();
        let out = out.expect("flowc starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (out.status.code(), text(&out.stdout) + &text(&out.stderr))
    };
    let (code, said) = flowc("check");
    assert!(code == Some(0) && said.contains("nothing to report"), "{said}");
    let (code, said) = flowc("test");
    assert!(code == Some(0) && said.contains("1 passed"), "{said}");
    assert!(program.lines().count() <= 45, "it is short");
}
