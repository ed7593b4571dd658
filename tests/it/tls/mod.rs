//! Encryption in transit: at the edge, and to the data centre.

mod admins;
mod certificates;
mod client;
mod clients;
mod refused;
mod testssl;
mod tickets;
mod upstreams;
