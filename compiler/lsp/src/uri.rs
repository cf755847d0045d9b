//! `file:` addresses and paths.

/// The path of a `file:` address, with forward slashes; none for any other address.
pub(crate) fn path(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix("file://")?;
    // A host may stand before the path; only this machine's files can be read.
    let path = rest.get(rest.find('/')?..)?;
    let mut bytes = Vec::with_capacity(path.len());
    let mut left = path.bytes();
    while let Some(byte) = left.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(left.next()?).to_digit(16);
        bytes.push((digit()? * 16 + digit()?) as u8);
    }
    let path = String::from_utf8(bytes).ok()?;
    // `/C:/x` is `C:/x`.
    let drive = path.as_bytes().get(2) == Some(&b':');
    Some(if drive { path.trim_start_matches('/').to_owned() } else { path })
}

/// The address of a path.
pub(crate) fn of(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "file:///" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_path_comes_back_from_its_address() {
        for path in ["/a/b.flow", "/a b/größe #1/x%y.flow", "C:/a/b.flow"] {
            assert_eq!(super::path(&super::of(path)).as_deref(), Some(path));
        }
        assert_eq!(super::path("file:///c%3A/x.flow").as_deref(), Some("c:/x.flow"));
        for other in ["untitled:Untitled-1", "file:///%zz", "file:///%", "file://", ""] {
            assert_eq!(super::path(other), None, "{other}");
        }
    }
}
