//! SQLite databases, page by page: the text of every row, also of deleted ones as far as it is still there.
//!
//! Written after <https://www.sqlite.org/fileformat2.html>. Each page is handed over as text with a row a
//! line and a tab between its values. Not read are values of deleted rows that went on to a page since used
//! otherwise, and the write-ahead log, which is a file of its own and searched as it stands.

use std::ops::Range;

use super::{At, Opener, REPAIR, UNPACK, Unread};

/// Hands over every page.
pub(super) fn open(opener: &mut Opener<'_>, bytes: &[u8], at: &At<'_>) -> Result<(), Unread> {
    let damaged = || Unread::new("it is damaged: its header makes no sense", REPAIR);
    let mut database = Database::new(bytes).ok_or_else(damaged)?;
    let pages = bytes.len() / database.page_size;
    let mut others = Vec::new();
    for number in 1..=pages {
        let Some(text) = database.page_text(number) else {
            others.push(number);
            continue;
        };
        // Rows that share a page of overflow could come to more text than there are bytes.
        if text.len() as u64 > opener.left_bytes {
            return Err(Unread::new("its rows are too large together", UNPACK));
        }
        opener.spend(&text);
        hand(opener, number, &text, at);
    }
    for number in others {
        if !database.is_read[number - 1] {
            hand(opener, number, database.page(number).unwrap_or_default(), at);
        }
    }
    match bytes.len() % database.page_size {
        0 => Ok(()),
        _ => Err(Unread::new("it is cut off within a page", REPAIR)),
    }
}

fn hand(opener: &mut Opener<'_>, number: usize, text: &[u8], at: &At<'_>) {
    if text.iter().any(|byte| *byte != 0) {
        (opener.visit)(Some(&at.entry(&format!("page {number}"))), text);
    }
}

struct Database<'a> {
    bytes: &'a [u8],
    page_size: usize,
    /// The part of a page that SQLite itself uses.
    usable: usize,
    /// By page: whether it was read as part of a row.
    is_read: Vec<bool>,
}

const FILE_HEADER: usize = 100;

impl<'a> Database<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.get(..FILE_HEADER)?;
        let page_size = match usize::from(u16::from_be_bytes([header[16], header[17]])) {
            1 => 65536,
            size => size,
        };
        let is_size = page_size.is_power_of_two() && (512..=65536).contains(&page_size);
        let usable = page_size.checked_sub(header[20].into()).filter(|usable| *usable >= 480)?;
        let is_read = vec![false; bytes.len() / page_size.max(1)];
        is_size.then_some(Self { bytes, page_size, usable, is_read })
    }

    /// Returns a page by its number, from 1.
    fn page(&self, number: usize) -> Option<&'a [u8]> {
        let start = number.checked_sub(1)?.checked_mul(self.page_size)?;
        self.bytes.get(start..start.checked_add(self.page_size)?)
    }

    /// Returns the text of a page of rows; `None` for any other page.
    fn page_text(&mut self, number: usize) -> Option<Vec<u8>> {
        let page = self.page(number)?;
        let tree = Tree::of(page, if number == 1 { FILE_HEADER } else { 0 })?;
        let mut text = Vec::new();
        for cell in tree.cells(page) {
            if let Some(payload) = self.payload(page, cell, &tree) {
                push_row(&mut text, &payload);
            }
        }
        for free in tree.free(page) {
            if page[free.clone()].iter().any(|byte| *byte != 0) {
                text.extend_from_slice(&page[free.clone()]);
                text.push(b'\n');
                push_deleted_rows(&mut text, &page[free]);
            }
        }
        Some(text)
    }

    /// Returns the payload of a cell, with what overflowed to further pages.
    fn payload(&mut self, page: &[u8], cell: usize, tree: &Tree) -> Option<Vec<u8>> {
        let mut rest = page.get(cell..self.usable)?;
        rest = rest.get(if tree.is_inner { 4 } else { 0 }..)?;
        let length = usize::try_from(varint(&mut rest)?).ok()?;
        if tree.is_table {
            varint(&mut rest)?;
        }
        let most = match tree.is_table {
            true => self.usable - 35,
            false => (self.usable - 12) * 64 / 255 - 23,
        };
        if length <= most {
            return rest.get(..length).map(<[u8]>::to_vec);
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let fitting = least + (length - least) % (self.usable - 4);
        let local = if fitting <= most { fitting } else { least };
        let (start, rest) = rest.split_at_checked(local)?;
        let mut payload = start.to_vec();
        let mut next = page_number(rest)?;
        let length = length.min(self.bytes.len());
        while payload.len() < length
            && let Some(page) = self.page(next)
        {
            let content = &page[4..self.usable];
            payload.extend_from_slice(&content[..content.len().min(length - payload.len())]);
            self.is_read[next - 1] = true;
            next = page_number(page)?;
        }
        Some(payload)
    }
}

fn page_number(bytes: &[u8]) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(*bytes.first_chunk()?)).ok()
}

/// A page of a b-tree.
struct Tree {
    is_table: bool,
    is_inner: bool,
    /// Where its header stands and its cell pointers begin.
    header: usize,
    pointers: usize,
    cells: usize,
}

impl Tree {
    /// Returns what a page with rows on it is. Inner pages of tables hold none.
    fn of(page: &[u8], header: usize) -> Option<Self> {
        let (is_table, is_inner) = match page.get(header)? {
            0x0d => (true, false),
            0x0a => (false, false),
            0x02 => (false, true),
            _ => return None,
        };
        let pointers = header + if is_inner { 12 } else { 8 };
        let cells = usize::from(u16_at(page, header + 3)?);
        (pointers + 2 * cells <= page.len()).then_some(Self {
            is_table,
            is_inner,
            header,
            pointers,
            cells,
        })
    }

    fn cells<'a>(&'a self, page: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        (0..self.cells).filter_map(|cell| u16_at(page, self.pointers + 2 * cell).map(usize::from))
    }

    /// Returns the stretches that no row uses: behind the pointers, and the blocks that deleted rows left.
    fn free(&self, page: &[u8]) -> Vec<Range<usize>> {
        let content = match u16_at(page, self.header + 5) {
            Some(0) | None => page.len(),
            Some(content) => usize::from(content).min(page.len()),
        };
        let gap = self.pointers + 2 * self.cells;
        let between = gap..content.max(gap);
        let mut free = vec![between];
        let mut block = u16_at(page, self.header + 1).unwrap_or(0).into();
        // They are in order, so a chain that turns back is broken.
        while block >= gap
            && let (Some(next), Some(size)) = (u16_at(page, block), u16_at(page, block + 2))
        {
            let (start, end) = (block + 4, block + usize::from(size));
            if start < end && end <= page.len() {
                free.push(start..end);
            }
            if usize::from(next) <= block {
                break;
            }
            block = next.into();
        }
        free
    }
}

fn u16_at(page: &[u8], at: usize) -> Option<u16> {
    page.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

/// Takes a number of one to nine bytes off the front.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for index in 0..9 {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        if index == 8 {
            return Some(number << 8 | u64::from(*byte));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(number)
}

/// Adds the rows that still stand whole where no row is any more: as they are, one value runs into the next.
fn push_deleted_rows(text: &mut Vec<u8>, mut free: &[u8]) {
    while !free.is_empty() {
        let length = record_length(free).unwrap_or(0);
        if length > 0 {
            push_row(text, &free[..length]);
        }
        free = &free[length.max(1)..];
    }
}

/// Returns how long the record is that begins here, if there is one with a text that may be a credential.
fn record_length(bytes: &[u8]) -> Option<usize> {
    /// The shortest text that counts, and the most values a record may have.
    const LEAST_TEXT: u64 = 16;
    const MOST_VALUES: usize = 64;
    let header = usize::from(*bytes.first()?);
    let mut types = bytes.get(1..header).filter(|types| types.len() <= MOST_VALUES)?;
    let (mut length, mut has_text) = (header as u64, false);
    while !types.is_empty() {
        let kind = varint(&mut types)?;
        let size = size_of(kind);
        has_text |= kind >= 13 && size >= LEAST_TEXT;
        length = length.checked_add(size)?;
    }
    let length = usize::try_from(length).ok()?;
    (has_text && length <= bytes.len()).then_some(length)
}

/// Returns how many bytes a value of that serial type has.
fn size_of(kind: u64) -> u64 {
    match kind {
        0 | 8 | 9 => 0,
        1..=4 => kind,
        5 => 6,
        6 | 7 => 8,
        _ => kind.saturating_sub(12) / 2,
    }
}

/// Adds the texts and blobs of a record as a line.
fn push_row(text: &mut Vec<u8>, payload: &[u8]) {
    let mut rest = payload;
    let header = varint(&mut rest).and_then(|length| usize::try_from(length).ok());
    let start = payload.len() - rest.len();
    let Some((mut types, mut values)) = header
        .filter(|header| *header >= start)
        .and_then(|header| Some((payload.get(start..header)?, payload.get(header..)?)))
    else {
        return;
    };
    while let Some(kind) = varint(&mut types) {
        let size = usize::try_from(size_of(kind)).unwrap_or(usize::MAX).min(values.len());
        let (value, after) = values.split_at(size);
        values = after;
        if kind >= 12 {
            text.extend_from_slice(value);
            text.push(b'\t');
        }
    }
    text.push(b'\n');
}
