//! What the view is at: the tab, what is selected, the filter, whether it is paused. Keys change it; nothing here draws.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::data::Data;
use super::details::{DetailLine, details};
use super::rows::{Item, Row, Tab, rows};

/// What a key asks of whoever runs the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing but to draw again.
    Draw,
    /// To send requests.
    Send,
    /// To end.
    Quit,
}

/// How much of the screen the details of the selected row take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Details {
    /// None.
    #[default]
    Closed,
    /// Half of it, below the rows.
    Beside,
    /// All of it; the number is how many lines were scrolled away.
    Whole(usize),
}

/// Where one is in a tab.
#[derive(Clone, Debug, Default)]
struct Place {
    /// The selected row's key; none: the first, or the last where the newest stands last.
    key: Option<String>,
    /// Where it stood, for when it is gone.
    index: usize,
    /// The first row that is shown.
    top: usize,
}

/// The view.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// What is shown.
    pub(crate) data: Data,
    /// What came since it was paused; none: it is not paused.
    pub(crate) waiting: Option<Data>,
    /// The tab.
    pub(crate) tab: Tab,
    /// What rows must hold to be shown; empty: all are.
    pub(crate) filter: String,
    /// Whether keys go to the filter.
    pub(crate) is_typing: bool,
    /// Whether the help is shown.
    pub(crate) is_help: bool,
    /// How the details are shown.
    pub(crate) details: Details,
    /// Whether the screen has colours; without, bold and reversed letters are left.
    pub(crate) has_colours: bool,
    /// Columns of the screen.
    pub(crate) width: usize,
    /// Rows of a tab that the screen had place for when it was last drawn.
    pub(crate) page: usize,
    places: [Place; Tab::ALL.len()],
}

impl View {
    /// A view of something.
    pub(crate) fn new(data: Data) -> View {
        View { data, has_colours: true, width: 80, page: 10, ..View::default() }
    }

    /// The latest data, to be changed. Paused, it is not what is shown.
    pub(crate) fn latest_mut(&mut self) -> &mut Data {
        self.waiting.as_mut().unwrap_or(&mut self.data)
    }

    /// The latest data, whether shown or not.
    pub(crate) fn latest(&self) -> &Data {
        self.waiting.as_ref().unwrap_or(&self.data)
    }

    /// The rows that the filter leaves.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows = rows(self.tab, &self.data, self.width);
        if self.filter.is_empty() {
            return rows;
        }
        let wanted = self.filter.to_lowercase();
        let holds = |row: &Row| {
            row.text().to_lowercase().contains(&wanted) || row.more.to_lowercase().contains(&wanted)
        };
        let groups: Vec<usize> =
            rows.iter().filter(|row| row.group > 0 && holds(row)).map(|row| row.group).collect();
        let mut is_left: Vec<bool> = rows
            .iter()
            .map(|row| if row.group > 0 { groups.binary_search(&row.group).is_ok() } else { holds(row) })
            .collect();
        // A heading stays with whatever is left below it.
        let mut has_more = false;
        for (row, is_left) in rows.iter().zip(&mut is_left).rev() {
            has_more |= *is_left;
            if row.is_heading() {
                *is_left |= std::mem::take(&mut has_more);
            }
        }
        let mut is_left = is_left.into_iter();
        rows.retain(|_| is_left.next().unwrap_or_default());
        rows
    }

    /// Which of the rows is selected.
    pub(crate) fn selected(&self, rows: &[Row]) -> usize {
        let place = self.place();
        let last = rows.len().saturating_sub(1);
        let index = match &place.key {
            None if self.tab.grows_at_the_end() => last,
            None => 0,
            Some(key) => rows.iter().position(|row| row.key == *key).unwrap_or(place.index.min(last)),
        };
        selectable(rows, index, true)
    }

    /// Forgets what was selected in a tab: the first row is then.
    pub(crate) fn forget_place(&mut self, tab: Tab) {
        self.places[tab as usize] = Place::default();
    }

    /// The first row to show, so that the selected one is seen.
    pub(crate) fn top(&mut self, selected: usize, rows: usize, page: usize) -> usize {
        self.page = page.max(1);
        let (page, place) = (self.page, &mut self.places[self.tab as usize]);
        place.top =
            place.top.min(rows.saturating_sub(page)).min(selected).max((selected + 1).saturating_sub(page));
        place.top
    }

    /// Everything about the selected row.
    pub(crate) fn selected_details(&self) -> Vec<DetailLine> {
        let rows = self.rows();
        rows.get(self.selected(&rows)).map_or_else(Vec::new, |row| details(&row.item, &self.data))
    }

    /// What a key does.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Action {
        if key.kind == KeyEventKind::Release {
            return Action::Draw;
        }
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        if is_control && matches!(key.code, KeyCode::Char('c' | 'C')) {
            return Action::Quit;
        }
        if self.is_typing {
            self.type_filter(key.code, is_control);
            return Action::Draw;
        }
        if is_control || key.modifiers.contains(KeyModifiers::ALT) {
            return Action::Draw;
        }
        if self.is_help {
            self.is_help = false;
            return if key.code == KeyCode::Char('q') { Action::Quit } else { Action::Draw };
        }
        match key.code {
            KeyCode::Char('q') => return Action::Quit,
            KeyCode::Char('g') => return Action::Send,
            KeyCode::Char('?') => self.is_help = true,
            KeyCode::Char('/') => {
                self.is_typing = true;
                self.details = Details::Closed;
            }
            KeyCode::Char('p' | ' ') => self.pause_or_go_on(),
            KeyCode::Char(digit @ '1'..='5') => self.go_to(digit as usize - '1' as usize),
            KeyCode::Tab | KeyCode::Right => self.go_to((self.tab as usize + 1) % Tab::ALL.len()),
            KeyCode::BackTab | KeyCode::Left => {
                self.go_to((self.tab as usize + Tab::ALL.len() - 1) % Tab::ALL.len());
            }
            KeyCode::Up | KeyCode::Char('k') => self.go_by(-1),
            KeyCode::Down | KeyCode::Char('j') => self.go_by(1),
            KeyCode::PageUp => self.go_by(-self.page_step()),
            KeyCode::PageDown => self.go_by(self.page_step()),
            KeyCode::Home => self.go_by(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.go_by(isize::MAX),
            KeyCode::Enter => {
                self.details = match self.details {
                    Details::Closed => Details::Beside,
                    Details::Beside => Details::Whole(0),
                    Details::Whole(_) => Details::Closed,
                }
            }
            KeyCode::Esc if self.details != Details::Closed => self.details = Details::Closed,
            KeyCode::Esc => self.filter.clear(),
            _ => {}
        }
        Action::Draw
    }

    fn type_filter(&mut self, code: KeyCode, is_control: bool) {
        match code {
            KeyCode::Enter | KeyCode::Tab => self.is_typing = false,
            KeyCode::Esc => {
                self.is_typing = false;
                self.filter.clear();
            }
            KeyCode::Char('u') if is_control => self.filter.clear(),
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(character) if !is_control => self.filter.push(character),
            _ => {}
        }
    }

    fn pause_or_go_on(&mut self) {
        match self.waiting.take() {
            Some(latest) => self.data = latest,
            None => self.waiting = Some(self.data.clone()),
        }
    }

    fn go_to(&mut self, tab: usize) {
        self.tab = Tab::ALL[tab];
        if let Details::Whole(_) = self.details {
            self.details = Details::Closed;
        }
    }

    fn page_step(&self) -> isize {
        isize::try_from(self.page.saturating_sub(1).max(1)).unwrap_or(1)
    }

    /// Selects another row, or scrolls the details where they take the whole screen.
    fn go_by(&mut self, step: isize) {
        if let Details::Whole(scrolled) = &mut self.details {
            // Drawing knows how many lines there are and takes back what is too far.
            *scrolled = scrolled.saturating_add_signed(step);
            return;
        }
        let rows = self.rows();
        let last = rows.len().saturating_sub(1);
        let index = selectable(&rows, self.selected(&rows).saturating_add_signed(step).min(last), step > 0);
        let is_at_end = self.tab.grows_at_the_end() && index == last;
        let key = rows.get(index).filter(|_| !is_at_end).map(|row| row.key.clone());
        let place = &mut self.places[self.tab as usize];
        (place.key, place.index) = (key, index);
    }

    fn place(&self) -> &Place {
        &self.places[self.tab as usize]
    }
}

/// The row at a place, or the next one that says something, down or up as one goes; else the other way.
fn selectable(rows: &[Row], index: usize, is_down: bool) -> usize {
    let says = |number: &usize| rows.get(*number).is_some_and(|row| row.item != Item::Heading);
    let below = || (index..rows.len()).find(says);
    let above = || (0..index).rev().find(says);
    let found = match is_down {
        true => below().or_else(above),
        false => Some(index).filter(says).or_else(above).or_else(below),
    };
    found.unwrap_or(index)
}

#[cfg(test)]
mod tests;
