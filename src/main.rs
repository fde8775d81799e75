//! The `stanch` command: arguments in, an exit code out. Everything else is the library.

fn main() -> std::process::ExitCode {
    stanch::cli::run(std::env::args_os()).into()
}
