//! One buffer of messages on its way from one end to the other.

use std::ops::Range;
use std::task::Context;

use super::end::End;
use super::framing::Next;
use super::inspect::Verdict;
use super::key;
use super::relay::{Ending, Side};
use crate::domain::Channel;

/// Where messages go from and to, and how far they have come.
pub(super) struct Passage<'a> {
    pub side: Side,
    pub from: &'a mut End,
    pub to: &'a mut End,
    pub buffer: &'a mut [u8],
    /// What is before it is done with.
    pub at: usize,
    /// What may pass and has not been written: frames that lie side by side leave in one write.
    run: Range<usize>,
    pub held: Option<Held>,
    /// So many answers wait to be taken that no more are given: what is left must wait, too.
    pub is_sated: bool,
    /// There was a message, not only pings.
    pub has_message: bool,
}

/// A frame that waits for its channel's rate.
pub(super) struct Held {
    pub channel: Channel,
    pub framed: Vec<u8>,
}

/// A message that was found and judged.
struct Found {
    verdict: Verdict,
    /// Of the buffer, with its header.
    consumed: usize,
    header: usize,
    /// The message, if it came in fragments.
    gathered: Option<Vec<u8>>,
}

impl<'a> Passage<'a> {
    pub const fn new(side: Side, from: &'a mut End, to: &'a mut End, buffer: &'a mut [u8]) -> Self {
        Self {
            side,
            from,
            to,
            buffer,
            at: 0,
            run: 0..0,
            held: None,
            is_sated: false,
            has_message: false,
        }
    }

    /// Passes on what `judge` lets, up to a part of a message or to where it must wait. Gives how much
    /// the part has in all.
    pub fn pass_all(
        &mut self,
        judge: impl FnMut(&[u8]) -> Verdict,
        cx: &mut Context<'_>,
    ) -> Result<usize, Ending> {
        let passed = self.judge_all(judge, cx);
        // Also what stands before a message that ends the session.
        self.write_run(cx)?;
        passed
    }

    fn judge_all(
        &mut self,
        mut judge: impl FnMut(&[u8]) -> Verdict,
        cx: &mut Context<'_>,
    ) -> Result<usize, Ending> {
        while self.held.is_none() {
            self.is_sated = self.from.is_full();
            if self.is_sated {
                break;
            }
            let side = self.side;
            let next = self.from.framing.next(&mut self.buffer[self.at..]);
            let found = match next.map_err(|fault| Ending::Framing(side, fault))? {
                Next::Need(bytes) => return Ok(bytes),
                Next::Message {
                    payload,
                    consumed,
                    header,
                    whole,
                } => Found {
                    verdict: judge(payload),
                    consumed,
                    header,
                    gathered: (!whole).then(|| payload.to_vec()),
                },
                Next::Ping { payload, consumed } => {
                    let payload = payload.to_vec();
                    self.from.pong(&payload);
                    self.at += consumed;
                    continue;
                }
                Next::Nothing { consumed } => {
                    self.at += consumed;
                    continue;
                }
                Next::Close(code) => return Err(Ending::Closed(code)),
            };
            self.settle(found, cx)?;
        }
        Ok(0)
    }

    fn settle(&mut self, found: Found, cx: &mut Context<'_>) -> Result<(), Ending> {
        self.has_message = true;
        let frame = self.at..self.at + found.consumed;
        self.at = frame.end;
        match found.verdict {
            Verdict::Pass => return self.pass(frame, found.header, found.gathered, cx),
            Verdict::Answer(answer) => self.from.push(&answer),
            Verdict::Hold(channel) => {
                let framed = match found.gathered {
                    Some(gathered) => self.to.framed(&gathered),
                    None => self.remasked(&frame, found.header).to_vec(),
                };
                self.held = Some(Held { channel, framed });
            }
            Verdict::End(breach) => return Err(Ending::Breach(breach)),
        }
        Ok(())
    }

    fn pass(
        &mut self,
        frame: Range<usize>,
        header: usize,
        gathered: Option<Vec<u8>>,
        cx: &mut Context<'_>,
    ) -> Result<(), Ending> {
        if let Some(gathered) = gathered {
            self.write_run(cx)?;
            self.to.push(&gathered);
            return Ok(());
        }
        self.remasked(&frame, header);
        if self.run.end != frame.start {
            self.write_run(cx)?;
            self.run.start = frame.start;
        }
        self.run.end = frame.end;
        Ok(())
    }

    /// The frame as it goes to the other end: what was unmasked to be read is masked again.
    fn remasked(&mut self, frame: &Range<usize>, header: usize) -> &[u8] {
        let frame = &mut self.buffer[frame.clone()];
        if self.to.masks() {
            websocket::remask(frame, header, key::fresh());
        }
        frame
    }

    fn write_run(&mut self, cx: &mut Context<'_>) -> Result<(), Ending> {
        let run = std::mem::replace(&mut self.run, self.at..self.at);
        let written = self.to.write_framed(&self.buffer[run], cx);
        written.map_err(|_| Ending::Gone(self.side.other()))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use bytes::Bytes;
    use tokio::net::{TcpListener, TcpSocket};

    use super::super::end::PIECE;
    use super::*;
    use crate::domain::Transport;

    #[expect(clippy::disallowed_methods, reason = "a test's own client")]
    async fn end() -> End {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connecting = TcpSocket::new_v4().unwrap();
        let address = listener.local_addr().unwrap();
        let stream = connecting.connect(address).await.unwrap();
        End::client(stream.into(), Transport::Msync, &Bytes::new(), 1024)
    }

    /// Small frames get large answers: a client that takes none must not have them pile up.
    #[tokio::test]
    async fn answers_wait_up_to_a_bound() {
        let (mut from, mut to) = (end().await, end().await);
        let mut buffer = [0, 0, 0, 1, 7].repeat(100_000);
        let mut cx = Context::from_waker(Waker::noop());
        let mut answered = 0;
        let mut passage = Passage::new(Side::Client, &mut from, &mut to, &mut buffer);
        let judge = |_: &[u8]| {
            answered += 1;
            Verdict::Answer(vec![0; 100])
        };
        assert!(passage.pass_all(judge, &mut cx).is_ok());
        assert!(passage.is_sated);
        let at = passage.at;
        assert_eq!(at, answered * 5);
        assert!(answered * 104 < PIECE + 104, "{answered}");
    }
}
