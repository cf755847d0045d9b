//! Frames on a stream: `Content-Length`, a blank line, JSON.
//!
//! What cannot be understood is told to the server as such, and reading goes on behind it.

use lsp_server::Message;
use serde_json::Value;
use std::io::{self, BufRead, Read as _, Write};
use std::sync::mpsc::SyncSender;

/// Bound: the largest text the compiler reads has 4 MB, six times that in the worst escapes.
const BODY_BYTES_MAX: usize = 64 << 20;
/// Bound: a header has a dozen words.
const HEADER_BYTES_MAX: u64 = 8 << 10;

/// What came in.
pub(crate) enum Input {
    /// A request, notification or response.
    Message(Message),
    /// A frame that is none of these, and why.
    Malformed(String),
}

/// Reads frames and hands them on until `exit`, the end of the stream, or nobody listens.
pub(crate) fn read(mut reader: impl BufRead, to: &SyncSender<Input>) {
    loop {
        let input = match frame(&mut reader) {
            Ok(None) | Err(_) => return,
            Ok(Some(Err(why))) => Input::Malformed(why),
            Ok(Some(Ok(body))) => match serde_json::from_slice::<Message>(&body) {
                Ok(message) => Input::Message(message),
                Err(error) => Input::Malformed(format!("no message: {error}")),
            },
        };
        let last = matches!(&input, Input::Message(Message::Notification(n)) if n.method == "exit");
        if to.send(input).is_err() || last {
            return;
        }
    }
}

/// One frame; nothing at the end of the stream.
fn frame(reader: &mut impl BufRead) -> io::Result<Option<Result<Vec<u8>, String>>> {
    let mut length = None;
    let mut seen = false;
    loop {
        let mut line = Vec::new();
        if reader.by_ref().take(HEADER_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse::<usize>().ok();
                seen = true;
            }
            Some(_) => seen = true,
            None if line.is_empty() && seen => break,
            // Order: blank lines between frames are let go.
            None if line.is_empty() => {}
            None => return Ok(Some(Err(format!("no header: `{}`", brief(line))))),
        }
    }
    let Some(length) = length else { return Ok(Some(Err("no length of a frame".to_owned()))) };
    if length > BODY_BYTES_MAX {
        io::copy(&mut reader.by_ref().take(length as u64), &mut io::sink())?;
        return Ok(Some(Err(format!("a frame of {length} bytes is too large"))));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Ok(body)))
}

fn brief(line: &str) -> String {
    line.chars().take(40).collect()
}

/// Writes one frame.
pub(crate) fn write(writer: &mut impl Write, message: &Value) -> io::Result<()> {
    let body = message.to_string();
    write!(writer, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    writer.flush()
}
