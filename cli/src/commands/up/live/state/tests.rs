//! Keys: what each does, to which tab and row, and to the filter.

use crossterm::event::KeyEvent;

use super::*;
use crate::commands::up::live::draw::tests::data;

fn key(view: &mut View, code: KeyCode) -> Action {
    view.key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn type_in(view: &mut View, text: &str) {
    for character in text.chars() {
        key(view, KeyCode::Char(character));
    }
}

fn selected(view: &View) -> String {
    let rows = view.rows();
    rows[view.selected(&rows)].text().trim().to_owned()
}

#[test]
fn keys_ask_for_an_end_for_requests_or_for_nothing() {
    let control = |code| KeyEvent::new(KeyCode::Char(code), KeyModifiers::CONTROL);
    let mut view = View::new(data());
    assert_eq!(key(&mut view, KeyCode::Char('q')), Action::Quit);
    assert_eq!(key(&mut view, KeyCode::Char('g')), Action::Send);
    assert_eq!(key(&mut view, KeyCode::Char('x')), Action::Draw);
    assert_eq!(view.key(control('c')), Action::Quit);
    assert_eq!(view.key(control('q')), Action::Draw);
    let released = KeyEvent { kind: KeyEventKind::Release, ..KeyEvent::from(KeyCode::Char('q')) };
    assert_eq!(view.key(released), Action::Draw);

    // What is typed into the filter is no command.
    key(&mut view, KeyCode::Char('/'));
    for character in ['q', 'g', '1', '?'] {
        assert_eq!(key(&mut view, KeyCode::Char(character)), Action::Draw);
    }
    assert_eq!(view.filter, "qg1?");
    assert_eq!(view.key(control('c')), Action::Quit);
}

#[test]
fn tabs_follow_each_other_around_and_have_numbers() {
    let mut view = View::new(data());
    let mut seen = Vec::new();
    for _ in 0..=Tab::ALL.len() {
        seen.push(view.tab);
        key(&mut view, KeyCode::Tab);
    }
    assert_eq!(seen[..5], Tab::ALL);
    assert_eq!(seen[5], Tab::Proxies);
    key(&mut view, KeyCode::BackTab);
    key(&mut view, KeyCode::BackTab);
    assert_eq!(view.tab, Tab::Problems);
    key(&mut view, KeyCode::Char('3'));
    assert_eq!(view.tab, Tab::Logs);
}

#[test]
fn a_row_stays_selected_when_others_come_and_the_end_is_followed() {
    let mut view = View::new(data());
    key(&mut view, KeyCode::Char('3'));
    let last = selected(&view);
    assert!(last.starts_with("404"), "{last}");
    key(&mut view, KeyCode::Char('k'));
    let chosen = selected(&view);
    assert!(chosen.starts_with("503"), "{chosen}");

    // The oldest line is dropped and one comes.
    let snapshot = &mut view.latest_mut().snapshot;
    let mut fresh = snapshot.access_logs.remove(0);
    fresh.text = "the newest".to_owned();
    snapshot.access_logs.push(fresh);
    snapshot.logs_seen += 1;
    assert_eq!(selected(&view), chosen);
    key(&mut view, KeyCode::Down);
    key(&mut view, KeyCode::Down);
    key(&mut view, KeyCode::Down);
    assert!(selected(&view).ends_with("the newest"));

    // At the end the newest is selected as it comes.
    let snapshot = &mut view.latest_mut().snapshot;
    let mut fresh = snapshot.access_logs[0].clone();
    fresh.text = "newer still".to_owned();
    snapshot.access_logs.push(fresh);
    snapshot.logs_seen += 1;
    assert!(selected(&view).ends_with("newer still"));

    // What was selected has gone: what stands there is selected.
    key(&mut view, KeyCode::Home);
    view.latest_mut().snapshot.access_logs.truncate(1);
    assert_eq!(view.selected(&view.rows()), 0);
    view.latest_mut().snapshot.access_logs.clear();
    assert_eq!(view.selected(&view.rows()), 0);
    key(&mut view, KeyCode::PageDown);
    assert!(view.selected_details().is_empty());
}

#[test]
fn the_selected_row_is_always_on_the_screen() {
    let mut view = View::new(data());
    for (selected, rows, page, expected) in [
        (0, 100, 10, 0),
        (9, 100, 10, 0),
        (10, 100, 10, 1),
        (5, 100, 10, 1),
        (0, 100, 10, 0),
        (99, 100, 10, 90),
        (2, 3, 10, 0),
    ] {
        assert_eq!(view.top(selected, rows, page), expected, "{selected} of {rows}");
    }
}

#[test]
fn the_filter_leaves_rows_that_hold_it_and_traces_whole() {
    let mut view = View::new(data());
    key(&mut view, KeyCode::Char('3'));
    key(&mut view, KeyCode::Char('/'));
    type_in(&mut view, "get /");
    assert_eq!(view.rows().len(), 2, "case is ignored");
    key(&mut view, KeyCode::Backspace);
    key(&mut view, KeyCode::Enter);
    assert_eq!((view.is_typing, view.filter.as_str()), (false, "get "));
    key(&mut view, KeyCode::Char('4'));
    assert_eq!(view.rows().len(), 0);
    key(&mut view, KeyCode::Esc);
    assert_eq!((view.filter.as_str(), view.rows().len()), ("", 4));
    key(&mut view, KeyCode::Char('/'));
    type_in(&mut view, "cart");
    assert_eq!(view.rows().len(), 4, "one span holds it, so its trace is shown");
    type_in(&mut view, "!");
    assert_eq!(view.rows().len(), 0);
    key(&mut view, KeyCode::Esc);
    assert_eq!((view.is_typing, view.filter.as_str()), (false, ""));

    // A series by each of its labels, whether there is place for it or not.
    key(&mut view, KeyCode::Char('2'));
    key(&mut view, KeyCode::Char('/'));
    type_in(&mut view, "destination_app=web");
    let names = |view: &View| view.rows().iter().filter(|row| row.is_heading()).count();
    assert_eq!((view.rows().len(), names(&view)), (5, 2), "each below its name");
}

#[test]
fn paused_nothing_changes_until_it_goes_on() {
    let mut view = View::new(data());
    key(&mut view, KeyCode::Char('p'));
    view.latest_mut().snapshot.logs_seen += 5;
    view.latest_mut().snapshot.parts.clear();
    assert_eq!((view.rows().len(), view.latest().newer_than(&view.data)), (6, 5));
    key(&mut view, KeyCode::Char('p'));
    assert_eq!((view.rows().len(), view.data.snapshot.logs_seen), (1, 8));
}

#[test]
fn enter_opens_details_wider_each_time_and_escape_closes_what_is_open_first() {
    let mut view = View::new(data());
    let mut seen = Vec::new();
    for _ in 0..3 {
        key(&mut view, KeyCode::Enter);
        seen.push(view.details);
    }
    assert_eq!(seen, [Details::Beside, Details::Whole(0), Details::Closed]);
    view.filter = "shop".to_owned();
    key(&mut view, KeyCode::Enter);
    key(&mut view, KeyCode::Enter);
    key(&mut view, KeyCode::Down);
    assert_eq!(view.details, Details::Whole(1));
    key(&mut view, KeyCode::Home);
    assert_eq!(view.details, Details::Whole(0));
    key(&mut view, KeyCode::Esc);
    assert_eq!((view.details, view.filter.as_str()), (Details::Closed, "shop"));
    key(&mut view, KeyCode::Esc);
    assert_eq!(view.filter, "");
    key(&mut view, KeyCode::Char('?'));
    assert!(view.is_help);
    assert_eq!(key(&mut view, KeyCode::Char('g')), Action::Draw);
    assert!(!view.is_help);
}
