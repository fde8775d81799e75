//! A screen of its own on the terminal, that scrolls and is gone again afterwards.

use std::io::{self, Write};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::style::Print;
use crossterm::terminal::{self, Clear, ClearType};
use crossterm::{cursor, execute, queue};

/// The terminal's other screen. Dropping it shows what was there before.
pub(super) struct Screen {
    /// The first line that is seen.
    top: usize,
}

/// What whoever watches asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nothing, for as long as was waited.
    Nothing,
    /// To see another part, or the same on a terminal of another size.
    Elsewhere,
    /// To leave.
    Leave,
}

impl Screen {
    pub(super) fn enter() -> io::Result<Self> {
        terminal::enable_raw_mode()?;
        let screen = Self { top: 0 };
        execute!(io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
        Ok(screen)
    }

    /// Draws as many lines as there is room for, and `footer` below them.
    pub(super) fn draw(&mut self, lines: &[String], footer: &str) -> io::Result<()> {
        let (width, height) = terminal::size()?;
        let room = usize::from(height).saturating_sub(1);
        self.top = self.top.min(lines.len().saturating_sub(room));
        let plain = AutoStream::choice(&io::stdout()) == ColorChoice::Never;
        let mut out = io::stdout().lock();
        for (row, line) in lines.iter().skip(self.top).take(room).enumerate() {
            let line = match plain {
                true => anstream::adapter::strip_str(line).to_string(),
                false => line.clone(),
            };
            at(&mut out, row, &line)?;
        }
        let seen = lines.len().saturating_sub(self.top).min(room);
        if seen < room {
            queue!(out, cursor::MoveTo(0, rows(seen)), Clear(ClearType::FromCursorDown))?;
        }
        let more = match lines.len() > room {
            true => format!("{}-{} of {}, ", self.top + 1, self.top + seen, lines.len()),
            false => String::new(),
        };
        let footer: String =
            format!("{more}q leaves  {footer}").chars().take(width.into()).collect();
        at(&mut out, room, &footer)?;
        out.flush()
    }

    /// Waits for a key, at most so long.
    pub(super) fn wait(&mut self, longest: Duration) -> io::Result<Asked> {
        if !event::poll(longest)? {
            return Ok(Asked::Nothing);
        }
        let page = usize::from(terminal::size()?.1).saturating_sub(2).max(1);
        Ok(match event::read()? {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.obey(key, page),
            _ => Asked::Elsewhere,
        })
    }

    fn obey(&mut self, key: KeyEvent, page: usize) -> Asked {
        let is_interrupt =
            key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        self.top = match key.code {
            _ if is_interrupt => return Asked::Leave,
            KeyCode::Char('q') | KeyCode::Esc => return Asked::Leave,
            KeyCode::Down | KeyCode::Char('j') => self.top + 1,
            KeyCode::Up | KeyCode::Char('k') => self.top.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.top + page,
            KeyCode::PageUp => self.top.saturating_sub(page),
            KeyCode::Home | KeyCode::Char('g') => 0,
            // Drawing brings it back to the last full screen.
            KeyCode::End | KeyCode::Char('G') => usize::MAX / 2,
            _ => self.top,
        };
        Asked::Elsewhere
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // There is nothing to do about a terminal that is gone.
        let _ = execute!(io::stdout(), cursor::Show, terminal::LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}

fn at(out: &mut impl Write, row: usize, line: &str) -> io::Result<()> {
    queue!(out, cursor::MoveTo(0, rows(row)), Print(line), Clear(ClearType::UntilNewLine))
}

fn rows(row: usize) -> u16 {
    u16::try_from(row).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_move_and_leave() {
        let mut screen = std::mem::ManuallyDrop::new(Screen { top: 5 });
        let mut press = |code, modifiers| {
            let asked = screen.obey(KeyEvent::new(code, modifiers), 10);
            (asked, screen.top)
        };
        for (code, top) in [
            (KeyCode::Down, 6),
            (KeyCode::Up, 5),
            (KeyCode::PageDown, 15),
            (KeyCode::PageUp, 5),
            (KeyCode::Home, 0),
            (KeyCode::Up, 0),
            (KeyCode::Char('x'), 0),
        ] {
            assert_eq!(press(code, KeyModifiers::NONE), (Asked::Elsewhere, top), "{code:?}");
        }
        for (code, modifiers) in [
            (KeyCode::Char('q'), KeyModifiers::NONE),
            (KeyCode::Esc, KeyModifiers::NONE),
            (KeyCode::Char('c'), KeyModifiers::CONTROL),
        ] {
            assert_eq!(press(code, modifiers).0, Asked::Leave);
        }
    }
}
