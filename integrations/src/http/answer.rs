//! Reads the answers of a connection, one behind the other.

use std::io;
use std::time::Duration;

use reqwest::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::{BODY_BYTES_MAX, Reply};

/// Bytes of an answer's head at most.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Header lines at most.
const LINES_MAX: usize = 100;

/// Bytes that are read at once.
const READ: usize = 8 << 10;

/// What has come and was not looked at yet.
#[derive(Default)]
pub(super) struct Answers {
    unread: Vec<u8>,
}

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Known(usize),
    Chunked,
    /// As far as the connection goes.
    Open,
}

struct Head {
    status: StatusCode,
    after: Option<Duration>,
    length: Length,
    /// The server closes behind this answer.
    closes: bool,
    /// Its own bytes.
    bytes: usize,
}

impl Answers {
    /// The next answer, and whether it is the connection's last.
    pub(super) async fn next(&mut self, reader: &mut (impl AsyncRead + Unpin)) -> io::Result<(Reply, bool)> {
        let head = loop {
            match head(&self.unread)? {
                // 1xx: the answer is still to come.
                Some(head) if head.status.is_informational() => drop(self.unread.drain(..head.bytes)),
                Some(head) => break head,
                None if self.unread.len() > HEAD_BYTES_MAX => return Err(malformed("its head has no end")),
                None => self.more(reader).await?,
            }
        };
        self.unread.drain(..head.bytes);
        let mut body = Vec::new();
        let is_whole = match head.length {
            Length::Known(length) => self.counted(reader, length, &mut body).await?,
            Length::Chunked => self.chunks(reader, &mut body).await?,
            Length::Open => self.rest(reader, &mut body).await?,
        };
        let text = String::from_utf8_lossy(&body).into_owned();
        Ok((Reply { status: head.status, after: head.after, text }, head.closes || !is_whole))
    }

    /// Takes so many bytes. Answers whether that was all: of what is too long only the beginning is.
    async fn counted(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
        length: usize,
        body: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let wanted = length.min(BODY_BYTES_MAX - body.len());
        while self.unread.len() < wanted {
            self.more(reader).await?;
        }
        body.extend(self.unread.drain(..wanted));
        Ok(wanted == length)
    }

    async fn chunks(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
        body: &mut Vec<u8>,
    ) -> io::Result<bool> {
        loop {
            let line = self.line(reader).await?;
            let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            let length =
                std::str::from_utf8(digits).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
            let length = length.ok_or_else(|| malformed("a chunk has no length"))?;
            if length == 0 {
                // Trailers, up to an empty line.
                while !self.line(reader).await?.is_empty() {}
                return Ok(true);
            }
            if !self.counted(reader, length, body).await? {
                return Ok(false);
            }
            self.line(reader).await?;
        }
    }

    async fn rest(&mut self, reader: &mut (impl AsyncRead + Unpin), body: &mut Vec<u8>) -> io::Result<bool> {
        body.append(&mut self.unread);
        reader.take((BODY_BYTES_MAX.saturating_sub(body.len())) as u64).read_to_end(body).await?;
        Ok(false)
    }

    /// A line without its end.
    async fn line(&mut self, reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Ok(line.trim_ascii_end().to_vec());
            }
            if self.unread.len() > HEAD_BYTES_MAX {
                return Err(malformed("a line has no end"));
            }
            self.more(reader).await?;
        }
    }

    async fn more(&mut self, reader: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
        self.unread.reserve(READ);
        match reader.read_buf(&mut self.unread).await? {
            0 => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it closed the connection without an answer",
            )),
            _ => Ok(()),
        }
    }
}

/// The head of an answer, once all of it is there. How long its body is: RFC 9112, section 6.3.
fn head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut lines = [httparse::EMPTY_HEADER; LINES_MAX];
    let mut answer = httparse::Response::new(&mut lines);
    let httparse::Status::Complete(end) =
        answer.parse(bytes).map_err(|error| malformed(&error.to_string()))?
    else {
        return Ok(None);
    };
    let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or_else(|| malformed("it has no status"))?;
    let value = |name: &str| {
        let line = answer.headers.iter().find(|line| line.name.eq_ignore_ascii_case(name));
        line.and_then(|line| std::str::from_utf8(line.value).ok()).map(str::trim)
    };
    let has = |name: &str, word: &str| {
        value(name).is_some_and(|text| text.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    let length = if status.is_informational() || matches!(status.as_u16(), 204 | 304) {
        Length::Known(0)
    } else if has("transfer-encoding", "chunked") {
        Length::Chunked
    } else if let Some(text) = value("content-length") {
        Length::Known(text.parse().map_err(|_| malformed("`content-length` is no number"))?)
    } else {
        Length::Open
    };
    let is_old = answer.version == Some(0);
    let closes = has("connection", "close") || (is_old && !has("connection", "keep-alive"));
    let after = value("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs);
    Ok(Some(Head { status, after, length, closes, bytes: end }))
}

fn malformed(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it does not answer in HTTP/1.1: {problem}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    async fn read(bytes: &[u8]) -> Vec<io::Result<(u16, String, bool)>> {
        let (mut answers, mut reader) = (Answers::default(), bytes);
        let mut all = Vec::new();
        loop {
            let next = answers.next(&mut reader).await;
            let next = next.map(|(reply, is_last)| (reply.status.as_u16(), reply.text, is_last));
            let ends = next.as_ref().map_or(true, |(_, _, is_last)| *is_last);
            all.push(next);
            if ends {
                return all;
            }
        }
    }

    #[tokio::test]
    async fn answers_in_a_row_are_told_apart() {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok\
            HTTP/1.1 204 No Content\r\n\r\n\
            HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nlat\r\n2\r\ner\r\n0\r\nX: y\r\n\r\n\
            HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nthe rest";
        let all: Vec<_> = read(text.as_bytes()).await.into_iter().map(Result::unwrap).collect();
        let answer = |code, text: &str, is_last| (code, text.to_owned(), is_last);
        let expected = [
            answer(200, "ok", false),
            answer(204, "", false),
            answer(503, "later", false),
            answer(200, "the rest", true),
        ];
        assert_eq!(all, expected);
    }

    #[tokio::test]
    async fn of_a_long_body_the_beginning_is_read_and_the_connection_given_up() {
        let text =
            format!("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n{}", "x".repeat(BODY_BYTES_MAX + 5));
        let all = read(text.as_bytes()).await;
        let (code, text, is_last) = all[0].as_ref().unwrap();
        assert_eq!((*code, text.len(), *is_last), (200, BODY_BYTES_MAX, true));
    }

    #[tokio::test]
    async fn an_old_server_closes_behind_each_answer() {
        let all = read(b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        assert!(all[0].as_ref().unwrap().2);
        let all = read(b"SSH-2.0-x\r\n").await;
        let error = all[0].as_ref().unwrap_err().to_string();
        assert!(error.contains("HTTP/1.1"), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_an_error(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            head in "(HTTP/1\\.1 200 OK\r\n(content-length: [0-9a-f]{0,20}\r\n|transfer-encoding: chunked\r\n)?\r\n)?",
        ) {
            let all = [head.as_bytes(), &bytes].concat();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(read(&all));
        }
    }
}
