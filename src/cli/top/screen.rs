//! Figures that fill a terminal.
//!
//! One thread asks the daemon and one reads keys, so that keys are heard while the daemon is slow. Both end with the
//! process. The terminal is as it was before whichever way this ends: [`Screen`] sees to it, and ratatui after a panic.

use std::sync::mpsc::{self, Sender};
use std::thread;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::Stylize;
use ratatui::text::Line;
use ratatui::widgets::{Row, Table};
use ratatui::{DefaultTerminal, Frame};

use super::{Figures, text};
use crate::cli::error::CommandError;
use crate::supervisor::on_termination;

/// What the screen has to show, or to do.
enum Message {
    Figures(Result<Figures, CommandError>),
    /// The terminal has another size.
    Resized,
    End,
}

/// The terminal while it is ours.
struct Screen(DefaultTerminal);

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

impl Screen {
    fn take() -> Result<Self, CommandError> {
        ratatui::try_init().map(Self).map_err(|error| {
            // It may have got half-way.
            ratatui::restore();
            CommandError::host(format_args!("the terminal cannot be used: {error}"))
                .hint("`vgpu top -b` prints text")
        })
    }

    fn draw(&mut self, figures: Option<&Figures>) -> Result<(), CommandError> {
        let drawn = self.0.draw(|frame| draw(frame, figures));
        drawn
            .map(drop)
            .map_err(|error| CommandError::host(format_args!("cannot write to the terminal: {error}")))
    }
}

/// Shows figures until there are no more, or somebody has enough.
pub(super) fn run(
    samples: impl Iterator<Item = Result<Figures, CommandError>> + Send + 'static,
) -> Result<(), CommandError> {
    let (tell, messages) = mpsc::channel();
    let terminated = tell.clone();
    on_termination(move |_| _ = terminated.send(Message::End)).map_err(CommandError::host)?;
    let mut screen = Screen::take()?;
    screen.draw(None)?;
    let keys = tell.clone();
    start("keys", move || read_keys(&keys))?;
    start("samples", move || {
        samples.map(Message::Figures).chain([Message::End]).all(|message| tell.send(message).is_ok());
    })?;
    let mut shown = None;
    for message in messages {
        match message {
            Message::Figures(figures) => shown = Some(figures?),
            Message::Resized => {}
            Message::End => break,
        }
        screen.draw(shown.as_ref())?;
    }
    Ok(())
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), CommandError> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map(drop).map_err(CommandError::host)
}

/// A terminal that cannot be read is gone.
fn read_keys(tell: &Sender<Message>) {
    loop {
        let message = match event::read() {
            Ok(Event::Key(key)) if ends(key) => Message::End,
            Ok(Event::Resize(..)) => Message::Resized,
            Ok(_) => continue,
            Err(_) => Message::End,
        };
        let is_last = matches!(message, Message::End);
        if tell.send(message).is_err() || is_last {
            return;
        }
    }
}

fn ends(key: KeyEvent) -> bool {
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => true,
        KeyCode::Char('c') => key.modifiers.contains(KeyModifiers::CONTROL),
        _ => false,
    }
}

fn draw(frame: &mut Frame<'_>, figures: Option<&Figures>) {
    let Some(figures) = figures else {
        return frame.render_widget(
            Line::from("vgpu top: the first figures are being taken; q ends it"),
            frame.area(),
        );
    };
    let sums = figures.sums();
    let sums: Vec<_> = sums.iter().map(|sum| text::gpu_cells(sum, &figures.gpus)).collect();
    let rows: Vec<_> = figures.rows.iter().map(|row| text::vgpu_cells(row, &figures.gpus)).collect();
    let sums_height = u16::try_from(sums.len() + 2).unwrap_or(u16::MAX);
    let [top, rest] =
        Layout::vertical([Constraint::Length(sums_height), Constraint::Min(0)]).areas(frame.area());
    frame.render_widget(table(&text::GPU_HEADINGS, sums), top);
    frame.render_widget(table(&text::VGPU_HEADINGS, rows), rest);
}

/// Columns as wide as what is in them.
fn table(headings: &[&'static str], rows: Vec<Vec<String>>) -> Table<'static> {
    let width = |(column, heading): (usize, &&str)| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        Constraint::Length(u16::try_from(cells.fold(heading.len(), usize::max)).unwrap_or(u16::MAX))
    };
    let widths: Vec<_> = headings.iter().enumerate().map(width).collect();
    let header = Row::new(headings.iter().copied()).reversed();
    Table::new(rows.into_iter().map(Row::new), widths).header(header).column_spacing(2)
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::cli::top::rates::tests::two_on_a_gpu;

    fn drawn(width: u16, height: u16, figures: Option<&Figures>) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, figures)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn gpus_are_above_and_vgpus_below() {
        let figures = Figures { rows: two_on_a_gpu(), gpus: Vec::new() };

        let drawn = drawn(120, 6, Some(&figures));

        let lines: Vec<_> = drawn.lines().map(|line| line.trim_matches(['"', ' '])).collect();
        assert!(lines[0].starts_with("GPU   POLICY  LEASED  VGPUS  GPU%"), "{drawn}");
        assert!(lines[1].ends_with("50.0"), "{drawn}");
        assert!(lines[3].starts_with("NAME  GPU   CLASS"), "{drawn}");
        assert!(lines[4].starts_with("a     d1bb  normal  100     100%  50.0"), "{drawn}");
    }

    #[test]
    fn no_terminal_is_too_small() {
        let figures = Figures { rows: two_on_a_gpu(), gpus: Vec::new() };
        for (width, height) in [(1, 1), (10, 2), (3, 40)] {
            drawn(width, height, Some(&figures));
            drawn(width, height, None);
        }
    }

    #[test]
    fn q_escape_and_control_c_end_it_and_other_keys_do_not() {
        let key = |code, modifiers| ends(KeyEvent::new(code, modifiers));
        assert!(key(KeyCode::Char('q'), KeyModifiers::NONE) && key(KeyCode::Esc, KeyModifiers::NONE));
        assert!(key(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert!(!key(KeyCode::Char('c'), KeyModifiers::NONE) && !key(KeyCode::Enter, KeyModifiers::NONE));
    }
}
