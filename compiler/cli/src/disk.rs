//! The file system as the compiler sees it.

use sagaflow_compiler::load::{FILE_BYTES_MAX, Files};
use std::io::Read;
use std::path::Path;

/// Reads from the disk, relative to where the command was started.
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
        let mut bytes = Vec::new();
        // Bound: one byte more than allowed is enough to know, whatever the file grows to meanwhile.
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(format!("larger than {} MB", FILE_BYTES_MAX / 1_000_000));
        }
        String::from_utf8(bytes).map_err(|_| "not UTF-8 text".into())
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
