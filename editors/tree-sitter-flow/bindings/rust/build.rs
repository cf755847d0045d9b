//! Compiles the parser that was generated from `grammar.js`.

fn main() {
    let source = std::path::Path::new("src");
    let parser = source.join("parser.c");
    println!("cargo::rerun-if-changed={}", parser.display());
    let mut build = cc::Build::new();
    // It is nearly all tables: this costs no time, and who reads with it feels the difference.
    build.std("c11").opt_level(2).warnings(false);
    build.include(source).file(parser).compile("flow");
}
