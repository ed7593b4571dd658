//! What systemd is told of a gateway (`sd_notify(3)`): a datagram to the socket that it names in
//! `NOTIFY_SOCKET`, and nothing where it names none.

use sd_notify::NotifyState;

/// Everything listens.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is being read anew; [`ready`] follows. For `Type=notify-reload`.
pub fn reloading() {
    let mut states = vec![NotifyState::Reloading];
    states.extend(NotifyState::monotonic_usec_now().ok());
    tell(&states);
}

/// The gateway drains.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
