//! `include_flow!`: a program's types, services, workflows and machines as Rust.
//!
//! A thin door: everything is done by the compiler library. The macro reads files for it, and names
//! every file it read, so that cargo builds again when one changes, also while it is refused.

use proc_macro::TokenStream;
use proc_macro2::{Span, TokenStream as Tokens};
use quote::quote;
use sagaflow_compiler::load::{FILE_BYTES_MAX, Files, Loaded, load};
use sagaflow_compiler::render::{Format, render};
use sagaflow_compiler::{Analysis, analyze, emit, lower};
use std::io::Read as _;
use std::path::Path;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{LitStr, Token};

/// Includes `.flow` files, by paths relative to the package's manifest.
///
/// One Rust module per `.flow` module, named by its last part: types, one trait per service, one
/// tuple struct per workflow to start it with, and `flows()`, whose result a node hosts. The versions
/// in `released/` of the source root are compiled too, so that their runs go on.
///
/// ```text
/// sagaflow::include_flow!("flows/shop/orders.flow");
/// ```
#[proc_macro]
pub fn include_flow(input: TokenStream) -> TokenStream {
    let paths = match Punctuated::<LitStr, Token![,]>::parse_terminated.parse(input) {
        Ok(paths) => paths,
        Err(error) => return error.into_compile_error().into(),
    };
    // Cargo sets it for every package; without it, paths are relative to where rustc runs.
    let manifest = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let at = paths.first().map_or_else(Span::call_site, LitStr::span);
    let absolute: Vec<String> = paths
        .iter()
        .map(|path| Path::new(&manifest).join(path.value()).to_string_lossy().into_owned())
        .collect();
    included(&absolute, at).into()
}

fn included(paths: &[String], at: Span) -> Tokens {
    let loaded = match load(paths, &Disk) {
        Ok(loaded) => loaded,
        Err(unreadable) => return syn::Error::new(at, unreadable).into_compile_error(),
    };
    let read = &loaded.read;
    let analysis = analyze(&loaded);
    let modules = match analysis.lower(&loaded.sources) {
        Some(fir) => emit::with_released(&fir, &analysis.older(&fir)),
        None => refused(&analysis, &loaded, at),
    };
    quote! {
        #(const _: &[u8] = ::core::include_bytes!(#read);)*
        #modules
    }
}

/// The findings as one message, beside the program's names without behaviour.
fn refused(analysis: &Analysis, loaded: &Loaded, at: Span) -> Tokens {
    let findings =
        render(&analysis.diagnostics, &loaded.sources, Format::Pretty { colours: false });
    let error = syn::Error::new(at, format!("the flow program is refused\n\n{findings}"));
    let error = error.into_compile_error();
    let stub = emit::stub(&lower::api(&analysis.program, &analysis.table, &loaded.sources));
    quote!(#error #stub)
}

/// The file system.
struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        // Bound: one byte more than allowed is enough to know, however large the file is.
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(format!("larger than {} MB", FILE_BYTES_MAX / 1_000_000));
        }
        String::from_utf8(bytes).map_err(|_| "not UTF-8 text".to_owned())
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).is_file()
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        let folder = if folder.is_empty() { "." } else { folder };
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .ok()?
            .filter_map(Result::ok)
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                Some(if entry.path().is_dir() { format!("{name}/") } else { name })
            })
            .collect();
        names.sort();
        Some(names)
    }

    fn list_whole(&self, folder: &str) -> Result<Vec<String>, String> {
        let entries = match std::fs::read_dir(if folder.is_empty() { "." } else { folder }) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.to_string()),
        };
        let names: Result<Vec<_>, _> =
            entries.map(|entry| entry.map(|entry| entry.file_name())).collect();
        let names = names.map_err(|error| error.to_string())?.into_iter();
        // A name that is no text is none of a released version.
        let mut names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
        names.sort();
        Ok(names)
    }
}
