//! `domicile apps`: Apps, through the admin API.

mod list;
mod moving;
mod register;
mod settings;
mod standing;
mod users;

use clap::Subcommand;

use super::exit::Outcome;

/// Registers, shows, suspends and retires Apps.
#[derive(Debug, Subcommand)]
pub enum Command {
    Register(register::Args),
    List(list::ListArgs),
    Show(list::ShowArgs),
    /// Refuses an App's traffic until it is resumed
    Suspend(standing::Args),
    /// Lets a suspended App's traffic in again
    Resume(standing::Args),
    Retire(standing::RetireArgs),
    Set(settings::Args),
    RevokeUser(users::Args),
    EraseUser(users::EraseArgs),
    Move(moving::Args),
}

/// # Errors
/// When the gateway cannot be reached, or refuses.
pub async fn run(command: Command) -> Outcome {
    match command {
        Command::Register(args) => register::run(&args).await,
        Command::List(args) => list::list(&args).await,
        Command::Show(args) => list::show(&args).await,
        Command::Suspend(args) => standing::suspend(&args).await,
        Command::Resume(args) => standing::resume(&args).await,
        Command::Retire(args) => standing::retire(&args).await,
        Command::Set(args) => settings::run(&args).await,
        Command::RevokeUser(args) => users::revoke(&args).await,
        Command::EraseUser(args) => users::erase(&args).await,
        Command::Move(_) => moving::run(),
    }
}

/// An App, named with or without a flag.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The App's id
    #[arg(value_name = "APP_ID", required_unless_present = "app_id_flag")]
    app_id: Option<String>,
    /// The same, as a flag
    #[arg(
        id = "app_id_flag",
        long = "app-id",
        value_name = "APP_ID",
        conflicts_with = "app_id"
    )]
    flag: Option<String>,
}

impl Which {
    pub fn app_id(&self) -> &str {
        let given = self.app_id.as_deref().or(self.flag.as_deref());
        given.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
