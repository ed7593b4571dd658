//! SDK sessions through the gateway, with frames made by hand: who is let in, what may pass, what
//! ends a session. The data centre writes down every frame, and every test ends with the isolation
//! invariant: no session and no frame reached the data centre of another App.

mod ends;
mod frames;
mod hostile;
mod login;
mod reference;
mod refusals;
