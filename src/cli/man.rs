//! `stanch man`: the manual, one page a command.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::CommandFactory;
use clap_mangen::Man;

use super::{Cli, ExitCode, Failure};

/// Print the manual page, or write the pages of all commands to a folder
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write one page a command to this folder, such as share/man/man1
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    match &args.output {
        None => Man::new(Cli::command()).render(out)?,
        Some(folder) => {
            let pages = fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
            pages.map_err(|error| {
                Failure::new(format!("cannot write to {}: {error}", folder.display()))
            })?;
        }
    }
    Ok(ExitCode::Clean)
}
