//! How far disguises and archives are followed.

/// Limits of the work on one blob. Where one stops it, the report says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many disguises over one another are taken off; one form of escape more below them.
    pub disguises: usize,
    /// How many archives within one another are opened.
    pub archives: usize,
    /// How many bytes of decoded text are searched for each byte of the blob, beyond the first megabyte.
    pub decoded_ratio: usize,
    /// How large a file within an archive may be, in bytes.
    pub entry_bytes: u64,
    /// How large all files within an archive may be together, in bytes.
    pub archive_bytes: u64,
    /// How many files within an archive are read.
    pub entries: u64,
    /// How many times larger than its archive a file within it may be, beyond the first megabytes.
    pub entry_ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            disguises: 3,
            archives: 4,
            decoded_ratio: 16,
            entry_bytes: 256 * 1024 * 1024,
            archive_bytes: 2 * 1024 * 1024 * 1024,
            entries: 1_000_000,
            entry_ratio: 250,
        }
    }
}

impl Limits {
    /// Follows nothing: bytes are searched as they stand.
    pub const NONE: Self = Self {
        disguises: 0,
        archives: 0,
        decoded_ratio: 0,
        entry_bytes: 0,
        archive_bytes: 0,
        entries: 0,
        entry_ratio: 0,
    };
}
