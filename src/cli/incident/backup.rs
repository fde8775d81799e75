//! `stanch incident backup` and `restore`: the whole store in a file, and back into one of any kind.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::cli::store::StoreArgs;
use crate::cli::{ExitCode, Failure};
use crate::incident::{BackupError, backup};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct BackupArgs {
    /// The file
    file: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn write(args: &BackupArgs, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let store = args.store.open()?;
    let folder = args.file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let unwritable = |error: &std::io::Error| {
        Failure::new(format!("cannot write {}: {error}", args.file.display()))
            .hint("an earlier backup of that name is as it was")
    };
    // Under another name until it is whole, readable by its owner only.
    let file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")));
    let file = file.map_err(|error| unwritable(&error))?;
    let mut buffer = BufWriter::new(file);
    let counts = backup::write(&mut buffer, &*store)?;
    let file = buffer.into_inner().map_err(|error| unwritable(error.error()))?;
    file.as_file().sync_all().map_err(|error| unwritable(&error))?;
    file.persist(&args.file).map_err(|error| unwritable(&error.error))?;
    let (incidents, events, file) = (counts.incidents, counts.events, args.file.display());
    writeln!(out, "{incidents} incidents with {events} events are in {file}")?;
    Ok(ExitCode::Clean)
}

pub(super) fn restore(args: &BackupArgs, out: &mut dyn Write) -> Result<ExitCode, Failure> {
    let file = File::open(&args.file)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", args.file.display())))?;
    let store = args.store.unsigned()?;
    let counts = backup::restore(&mut BufReader::new(file), &*store)?;
    let (incidents, events) = (counts.incidents, counts.events);
    writeln!(
        out,
        "{incidents} incidents are in {}; {events} events were not there yet",
        store.place()
    )?;
    Ok(ExitCode::Clean)
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let hint = match error {
            BackupError::Store(error) => return error.into(),
            BackupError::File(_) => "check the file, its folder and the space on its disk",
            BackupError::Line { .. } => "nothing was restored; take another copy of the backup",
            BackupError::Differs(_) => {
                "nothing of that incident was changed: restore into an empty store, then compare"
            }
        };
        Self::new(error.to_string()).hint(hint)
    }
}
