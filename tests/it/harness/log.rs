//! What the gateways of this process log, kept in memory as the binary would write it.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

static LOG: LazyLock<Buffer> = LazyLock::new(Buffer::default);

#[derive(Debug, Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Once for the binary: JSON lines at `info`, as `cli::logging` sets it up.
pub fn start() {
    static STARTED: LazyLock<()> = LazyLock::new(|| {
        let _ = tracing_subscriber::fmt()
            .with_max_level(tracing::level_filters::LevelFilter::INFO)
            .with_writer(|| LOG.clone())
            .json()
            .flatten_event(true)
            .try_init();
    });
    LazyLock::force(&STARTED);
}

/// Everything so far, of all tests.
pub fn text() -> String {
    String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap()
}

/// How much there is so far, for [`lines_since`].
pub fn length() -> usize {
    LOG.0.lock().unwrap().len()
}

/// The lines that hold `text`.
pub fn lines(text: &str) -> Vec<String> {
    lines_since(0, text)
}

/// The lines that hold `text` of those behind the first `length` bytes.
pub fn lines_since(length: usize, text: &str) -> Vec<String> {
    self::text()[length..]
        .lines()
        .filter(|line| line.contains(text))
        .map(str::to_owned)
        .collect()
}
