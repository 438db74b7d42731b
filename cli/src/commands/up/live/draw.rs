//! The view on a screen: a header of three lines, the tabs, the rows or the details, and a line of keys.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use burgee_api::Severity;
use burgee_localnet::live::{Part, PartKind, PartState};

use super::data::{Data, Documents, headline};
use super::details::DetailLine;
use super::metrics;
use super::rows::{Row, Tab, Tone, rate, short};
use super::state::{Details, View};
use crate::commands::up::asked::file;
use crate::commands::up::clean::{clean, cut, fit, fold, width};
use crate::commands::up::show::part_kind;

/// The smallest screen that everything has place on.
const SMALLEST: (u16, u16) = (60, 15);

/// What each key does.
const KEYS: &[(&str, &str)] = &[
    ("1 to 5, Tab", "another tab"),
    ("up, down, j, k", "another row; Page Up, Page Down, Home, End too"),
    (
        "Enter",
        "everything about the row, and which line of which document is behind it; again: on the whole screen; \
         again: away",
    ),
    ("/", "show only rows that hold a text; Enter keeps it, Esc takes it away"),
    ("p or space", "pause: what is shown stays as it is; again: go on"),
    ("g", "send ten requests; what is saved meanwhile takes effect after them"),
    (
        "q or Ctrl-C",
        "end everything; the exit code is 0 if the first requests showed all that the documents ask for, else 2",
    ),
];

/// Draws it.
pub(crate) fn draw(view: &mut View, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let (columns, lines) = SMALLEST;
        let text = format!("The terminal is too small: {columns}x{lines} is the least. q ends.");
        let lines: Vec<Line<'_>> = fold(&text, area.width.into()).into_iter().map(Line::from).collect();
        frame.render_widget(Paragraph::new(lines), area);
        return;
    }
    view.width = area.width.into();
    let [header, tabs, body, keys] = Layout::vertical([
        Constraint::Length(3),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(header_lines(view)), header);
    frame.render_widget(tab_line(view), tabs);
    draw_body(view, frame, body);
    frame.render_widget(key_line(view), keys);
    if !view.has_colours {
        for cell in &mut frame.buffer_mut().content {
            cell.fg = Color::Reset;
        }
    }
}

fn draw_body(view: &mut View, frame: &mut Frame<'_>, area: Rect) {
    if view.is_help {
        frame.render_widget(Paragraph::new(help_lines(area.width.into())), area);
        return;
    }
    let lines = if view.details == Details::Closed { Vec::new() } else { view.selected_details() };
    let folded = fold_details(&lines, area.width.into());
    match &mut view.details {
        Details::Whole(scrolled) => {
            *scrolled = (*scrolled).min(folded.len().saturating_sub(area.height.into()));
            let shown: Vec<Line<'_>> = folded.into_iter().skip(*scrolled).collect();
            frame.render_widget(Paragraph::new(shown), area);
        }
        Details::Beside => {
            let [rows, line, details] =
                Layout::vertical([Constraint::Fill(1), Constraint::Length(1), Constraint::Fill(1)])
                    .areas(area);
            draw_rows(view, frame, rows);
            let more = folded.len().saturating_sub(details.height.into());
            let hint = if more > 0 { format!(" {more} more lines: Enter ") } else { String::new() };
            let rule = format!("{}{hint}", "─".repeat(usize::from(line.width).saturating_sub(width(&hint))));
            frame.render_widget(Line::styled(rule, style(Tone::Dim)), line);
            frame.render_widget(Paragraph::new(folded), details);
        }
        Details::Closed => draw_rows(view, frame, area),
    }
}

fn draw_rows(view: &mut View, frame: &mut Frame<'_>, area: Rect) {
    let rows = view.rows();
    if rows.is_empty() {
        let text = if view.filter.is_empty() {
            view.tab.when_empty().to_owned()
        } else {
            format!("No row holds `{}`. Esc takes the filter away.", clean(&view.filter))
        };
        let lines: Vec<Line<'_>> = fold(&text, area.width.into()).into_iter().map(Line::from).collect();
        frame.render_widget(Paragraph::new(lines), area);
        return;
    }
    let selected = view.selected(&rows);
    let top = view.top(selected, rows.len(), area.height.into());
    let columns = usize::from(area.width);
    let shown = rows.iter().enumerate().skip(top).take(area.height.into());
    let lines: Vec<Line<'_>> =
        shown.map(|(number, row)| row_line(row, number == selected, columns)).collect();
    frame.render_widget(Paragraph::new(lines), area);
}

/// A row with a mark in front of it if it is selected, cut to the width.
fn row_line(row: &Row, is_selected: bool, columns: usize) -> Line<'static> {
    let mut left = columns.saturating_sub(2);
    let mut spans = vec![Span::raw(if is_selected { "> " } else { "  " })];
    for (text, tone) in &row.parts {
        if left == 0 {
            break;
        }
        let text = cut(text, left);
        left -= width(&text);
        spans.push(Span::styled(text, style(*tone)));
    }
    let line = Line::from(spans);
    if is_selected { line.style(Style::new().add_modifier(Modifier::BOLD)) } else { line }
}

fn header_lines(view: &View) -> Vec<Line<'static>> {
    let data = &view.data;
    let columns = view.width;
    let left = format!("burgee up {}", clean(&data.folder.to_string_lossy()));
    let right = match &view.waiting {
        Some(latest) => format!("PAUSED, {} new ", latest.newer_than(data)),
        None => String::new(),
    };
    let left = cut(&left, columns.saturating_sub(width(&right) + 1));
    let gap = columns.saturating_sub(width(&left) + width(&right));
    let paused = style(Tone::Odd).add_modifier(Modifier::REVERSED);
    let first = Line::from(vec![
        Span::styled(left, style(Tone::Strong)),
        Span::raw(" ".repeat(gap)),
        Span::styled(right, paused),
    ]);
    vec![first, parts_line(data, columns), documents_line(view.latest(), columns)]
}

/// Whether everything runs, and how much there is.
fn parts_line(data: &Data, columns: usize) -> Line<'static> {
    let snapshot = &data.snapshot;
    let ended: Vec<_> = data.ended().collect();
    let name = |part: &Part| match part.kind {
        PartKind::Receiver => part_kind(part.kind).to_owned(),
        kind => format!("{} {}", part_kind(kind), short(&part.name)),
    };
    let (state, tone) = match ended.as_slice() {
        [] => match snapshot.parts.iter().find(|part| matches!(part.state, PartState::Silent(_))) {
            Some(part) => (format!("{} does not answer", name(part)), Tone::Bad),
            None => (format!("all {} processes run", snapshot.parts.len()), Tone::Good),
        },
        [(number, how), ..] => {
            let first = format!("{} {}", name(&snapshot.parts[*number]), clean(how));
            (format!("{} of {} ended: {first}", ended.len(), snapshot.parts.len()), Tone::Bad)
        }
    };
    let state = cut(&state, columns);
    // What has no place is left out whole.
    let left = columns - width(&state);
    let mut counts = String::new();
    for (number, what) in [
        (rate(data.entering_per_second()), "requests/s"),
        (snapshot.logs_seen.to_string(), "log lines"),
        (snapshot.spans_seen.to_string(), "spans"),
        (metrics::count(snapshot).to_string(), "series"),
    ] {
        let more = format!("{}{number} {what}", if counts.is_empty() { "  " } else { ", " });
        if width(&counts) + width(&more) > left {
            break;
        }
        counts += &more;
    }
    Line::from(vec![Span::styled(state, style(tone)), Span::raw(counts)])
}

/// Whether the documents are in force, what is wrong with them, and what is being done.
fn documents_line(data: &Data, columns: usize) -> Line<'static> {
    if !data.doing.is_empty() {
        return Line::styled(cut(&format!("… {}", clean(&data.doing)), columns), style(Tone::Odd));
    }
    // What was done since is what one waits to see; the tab of problems still counts them.
    let is_newest = data.is_done_after && data.documents == Documents::InForce;
    let worst = data.worst().filter(|problem| problem.severity > Severity::Note && !is_newest);
    let what = worst.map_or(String::new(), |problem| {
        let place = problem.place.as_ref().map_or(String::new(), |place| {
            format!("{}:{}:{} ", file(&place.file, &data.folder), place.line, place.column)
        });
        format!("{place}{}", headline(problem))
    });
    let (state, tone) = match (data.documents, worst.map(|problem| problem.severity)) {
        (Documents::LastGood, _) => ("the last good documents hold: ", Tone::Bad),
        (Documents::InForce, Some(Severity::Error)) => ("", Tone::Bad),
        (Documents::InForce, Some(_)) => ("documents in force; ", Tone::Odd),
        (Documents::InForce, None) => ("documents in force", Tone::Good),
    };
    let mut text = format!("{state}{what}");
    if worst.is_none() && !data.done.is_empty() {
        let done = clean(&data.done);
        // What was done says more than that all is well, where there is no place for both.
        let both = format!("{text}; {done}");
        text = if width(&both) > columns && data.documents == Documents::InForce { done } else { both };
    }
    Line::styled(cut(&text, columns), style(tone))
}

fn tab_line(view: &View) -> Line<'static> {
    let mut spans = Vec::new();
    for (number, tab) in Tab::ALL.into_iter().enumerate() {
        let trouble = match (tab, view.latest().trouble()) {
            (Tab::Problems, count) if count > 0 => format!(" ({count})"),
            _ => String::new(),
        };
        let text = format!(" {} {}{trouble} ", number + 1, tab.name());
        let tone =
            if tab == view.tab { style(Tone::Strong).add_modifier(Modifier::REVERSED) } else { Style::new() };
        spans.push(Span::styled(text, tone));
    }
    Line::from(spans)
}

fn key_line(view: &View) -> Line<'static> {
    let columns = view.width;
    if view.is_typing {
        // The end of what is typed is what one wants to see.
        let text = clean(&view.filter);
        let room = columns.saturating_sub(4);
        let mut shown = text.as_str();
        while width(shown) > room {
            shown = &shown[shown.chars().next().map_or(0, char::len_utf8)..];
        }
        return Line::from(format!("/{shown}▏"));
    }
    let mut spans = Vec::new();
    if !view.filter.is_empty() {
        let text = format!("/{} (Esc: all)", clean(&view.filter));
        spans.push(Span::styled(cut(&text, columns / 2), style(Tone::Odd)));
        spans.push(Span::raw("  "));
    }
    let pause = if view.waiting.is_some() { "p go on" } else { "p pause" };
    let keys = format!("Tab 1-5 tabs  Enter details  / filter  {pause}  g requests  ? help  q end");
    let taken: usize = spans.iter().map(|span| width(&span.content)).sum();
    spans.push(Span::styled(cut(&keys, columns.saturating_sub(taken)), style(Tone::Dim)));
    Line::from(spans)
}

fn help_lines(columns: usize) -> Vec<Line<'static>> {
    const INDENT: usize = 18;
    let mut lines = vec![Line::styled("Keys", style(Tone::Strong))];
    for (key, what) in KEYS {
        for (number, text) in fold(what, columns.saturating_sub(INDENT)).into_iter().enumerate() {
            let key = if number == 0 { format!("  {key}") } else { String::new() };
            lines.push(Line::from(format!("{}{text}", fit(&key, INDENT))));
        }
    }
    let more = "Save a document, or the source of a plugin, and the change takes effect at once. A broken one \
                changes nothing: tab 5 says what is wrong with it, and where.";
    lines.extend(fold(more, columns).into_iter().map(Line::from));
    lines.push(Line::styled("Any key goes back.", style(Tone::Dim)));
    lines
}

/// Details in lines of a width; what goes on in the next line stands where it began.
fn fold_details(lines: &[DetailLine], columns: usize) -> Vec<Line<'static>> {
    let fold_one = |(text, tone): &DetailLine| -> Vec<Line<'static>> {
        let indent = text.len() - text.trim_start().len();
        let blank = " ".repeat(indent);
        let folded = fold(text.trim_start(), columns.saturating_sub(indent));
        folded.into_iter().map(|line| Line::styled(format!("{blank}{line}"), style(*tone))).collect()
    };
    lines.iter().flat_map(fold_one).collect()
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Dim => Style::new().fg(Color::DarkGray),
        Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
        Tone::Good => Style::new().fg(Color::Green),
        Tone::Odd => Style::new().fg(Color::Yellow),
        Tone::Bad => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
    }
}

#[cfg(test)]
pub(super) mod tests;
