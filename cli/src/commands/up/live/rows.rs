//! The rows of each tab: what stands where, and what each row is about. Every text in them is clean.

use burgee_api::{Problem, Severity};
use burgee_localnet::live::{Part, PartState};
use burgee_localnet::summary::{AccessLogSummary, PluginSummary};

use super::data::{Data, headline};
use super::metrics;
use crate::commands::up::asked;
use crate::commands::up::clean::{self, clean, fit};
use crate::commands::up::show::{command, part_kind, part_state, part_story, text};
use crate::commands::up::status::status;
use crate::commands::up::tree::{self, Trace, traces};

/// The least width that has place for the time of a log line.
const WIDE: usize = 100;
/// The fields of log lines that hold their time, as they are called most.
const TIME_FIELDS: &[&str] = &["start_time", "time", "timestamp", "@timestamp"];

/// The tabs, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tab {
    /// Every process.
    #[default]
    Proxies,
    /// Every series.
    Metrics,
    /// The last log lines.
    Logs,
    /// The last traces.
    Traces,
    /// Plugins, and what is wrong.
    Problems,
}

impl Tab {
    /// Every tab.
    pub(crate) const ALL: [Tab; 5] = [Tab::Proxies, Tab::Metrics, Tab::Logs, Tab::Traces, Tab::Problems];

    /// The name on the screen.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Tab::Proxies => "Proxies",
            Tab::Metrics => "Metrics",
            Tab::Logs => "Logs",
            Tab::Traces => "Traces",
            Tab::Problems => "Plugins & problems",
        }
    }

    /// Whether the newest stands last, so that the end is what one wants to see.
    pub(super) const fn grows_at_the_end(self) -> bool {
        matches!(self, Tab::Logs | Tab::Traces)
    }

    /// What the tab says when it has no rows.
    pub(super) const fn when_empty(self) -> &'static str {
        match self {
            Tab::Proxies => "Nothing runs.",
            Tab::Metrics => {
                "No metrics: no request was counted yet, or the documents ask for none. g sends ten requests."
            }
            Tab::Logs => {
                "No log lines: no request was logged yet, or the documents ask for none. g sends ten requests."
            }
            Tab::Traces => {
                "No spans: no request was traced yet, or the documents ask for none. g sends ten requests."
            }
            Tab::Problems => "No plugins and no problems.",
        }
    }
}

/// How a piece of text is shown. Colour never carries meaning alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As any text.
    Plain,
    /// Of less weight.
    Dim,
    /// A heading.
    Strong,
    /// All is well.
    Good,
    /// To be looked at.
    Odd,
    /// Wrong.
    Bad,
}

/// What a row is about; numbers are places in the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A process.
    Part(usize),
    /// All series of a name.
    Metric(String),
    /// A series.
    Series(usize),
    /// A metric that a document switches off: the place in the policies, and its name.
    Off(usize, String),
    /// A log line.
    Log(usize),
    /// A trace, by its id.
    Trace(String),
    /// A span: its trace and its own id.
    Span(String, String),
    /// Where requests can be sent.
    Target(usize),
    /// A plugin of a proxy.
    Plugin(usize),
    /// A problem.
    Problem(usize),
    /// A heading.
    Heading,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// What it is about.
    pub(crate) item: Item,
    /// What stays the same as long as it is about the same thing.
    pub(crate) key: String,
    /// Rows of a number are shown or left out together by a filter, unless the number is 0.
    pub(crate) group: usize,
    /// The text.
    pub(crate) parts: Vec<(String, Tone)>,
    /// What a filter finds beside the text: what has no place in it.
    pub(crate) more: String,
}

impl Row {
    pub(super) fn new(item: Item, key: impl Into<String>, parts: Vec<(String, Tone)>) -> Row {
        Row { item, key: key.into(), group: 0, parts, more: String::new() }
    }

    /// Whether what follows stands below it.
    pub(super) const fn is_heading(&self) -> bool {
        matches!(self.item, Item::Heading | Item::Metric(_))
    }

    /// The whole text.
    pub(super) fn text(&self) -> String {
        self.parts.iter().map(|(text, _)| text.as_str()).collect()
    }
}

/// The rows of a tab for a width.
pub(super) fn rows(tab: Tab, data: &Data, width: usize) -> Vec<Row> {
    let snapshot = &data.snapshot;
    match tab {
        Tab::Proxies => {
            let parts = snapshot.parts.iter().enumerate();
            let mut rows: Vec<Row> = parts.map(|(number, part)| part_row(number, part, width)).collect();
            rows.extend(target_rows(data));
            rows
        }
        Tab::Metrics => metrics::rows(data, width),
        Tab::Logs => {
            // The number of a line since the start stays the same when old ones are dropped.
            let first = snapshot.logs_seen.saturating_sub(snapshot.access_logs.len() as u64);
            let rows = snapshot.access_logs.iter().enumerate();
            rows.map(|(number, log)| log_row(number, first + number as u64, log, width)).collect()
        }
        Tab::Traces => {
            let traces = traces(&snapshot.spans);
            traces.iter().enumerate().flat_map(|(number, trace)| trace_rows(number, trace, width)).collect()
        }
        Tab::Problems => problem_rows(data),
    }
}

fn part_row(number: usize, part: &Part, width: usize) -> Row {
    let kind = part_kind(part.kind);
    let state = match &part.state {
        PartState::Running => (part_state(&part.state), Tone::Good),
        PartState::Silent(_) | PartState::Ended(_) => (clean(&part_state(&part.state)), Tone::Bad),
    };
    let parts = vec![
        (fit(kind, 9), Tone::Dim),
        // What is left beside the others, of which the state has place for `killed by SIGKILL`.
        (fit(&clean(&part.name), width.saturating_sub(47).min(60)), Tone::Plain),
        (format!("{:>9} ", format!("{}/s", rate(part.per_second))), Tone::Plain),
        (format!("{:>7}  ", part.pid), Tone::Dim),
        state,
    ];
    Row::new(Item::Part(number), format!("{kind} {}", part.name), parts)
}

/// Commands that send requests by hand.
fn target_rows(data: &Data) -> impl Iterator<Item = Row> {
    data.targets.iter().enumerate().map(|(number, target)| {
        let parts = vec![("try it:  ".to_owned(), Tone::Dim), (clean(&command(target)), Tone::Plain)];
        Row::new(Item::Target(number), format!("target {} {}", target.address, target.host), parts)
    })
}

/// A rate with as many digits as say something.
pub(super) fn rate(per_second: f64) -> String {
    if per_second == 0.0 {
        "0".to_owned()
    } else if per_second < 100.0 {
        format!("{per_second:.1}")
    } else {
        format!("{per_second:.0}")
    }
}

/// How bad a status code is.
pub(super) const fn tone(status: Option<u16>) -> Tone {
    match status {
        Some(500..) => Tone::Bad,
        Some(400..) => Tone::Odd,
        Some(_) => Tone::Good,
        None => Tone::Dim,
    }
}

/// A workload's name without its namespace.
pub(super) fn short(workload: &str) -> String {
    clean(workload.rsplit('/').next().unwrap_or(workload))
}

fn log_row(number: usize, since_start: u64, log: &AccessLogSummary, width: usize) -> Row {
    let status = status(log);
    let code = status.map_or("-".to_owned(), |status| status.to_string());
    let text = text(log);
    // The whole time takes a third of a line, and lines stand in the order of time.
    let text = match text.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((time, rest)) if time.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => &text,
    };
    let time = if width < WIDE { String::new() } else { fit(time_of_day(log).unwrap_or_default(), 9) };
    let parts = vec![
        (time, Tone::Dim),
        (fit(&code, 4), tone(status)),
        (fit(&short(&log.proxy), 16), Tone::Plain),
        (format!(" {} ", fit(&clean(&log.class), 8)), Tone::Dim),
        (clean(text), Tone::Plain),
    ];
    Row::new(Item::Log(number), since_start.to_string(), parts)
}

/// The time of day that a line tells, in UTC as `03:04:05`: that in front of it, or that of a field.
fn time_of_day(log: &AccessLogSummary) -> Option<&str> {
    let in_front = log.text.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let fields = TIME_FIELDS.iter().filter_map(|name| log.fields.get(*name)?.as_str());
    in_front.into_iter().chain(fields).find_map(|time| {
        let (date, rest) = time.split_once('T')?;
        let time = rest.get(..8)?;
        let is_digits = |text: &str, signs: char| text.chars().all(|c| c.is_ascii_digit() || c == signs);
        (is_digits(date, '-') && is_digits(time, ':')).then_some(time)
    })
}

fn trace_rows(number: usize, trace: &Trace<'_>, width: usize) -> Vec<Row> {
    let id = clean(trace.id);
    let spans = trace.spans.len();
    let spans = format!("{spans} span{}", if spans == 1 { "" } else { "s" });
    let failed =
        if trace.is_error() { ("  failed".to_owned(), Tone::Bad) } else { (String::new(), Tone::Dim) };
    let heading = vec![
        (format!("{id}  "), Tone::Dim),
        (format!("{:.1} ms  {spans}", trace.duration_ms), Tone::Strong),
        failed,
    ];
    let mut rows = vec![Row::new(Item::Trace(trace.id.to_owned()), trace.id, heading)];
    let columns = (width / 8).clamp(8, 40);
    let name_columns = width.saturating_sub(columns + 2 + 17).max(16);
    for node in &trace.spans {
        let span = node.span;
        let sign = if node.is_orphan { "… " } else { "" };
        let indent = format!("{}{sign}", "  ".repeat(node.depth + 1));
        let name = tree::name(span, name_columns.saturating_sub(clean::width(&indent)));
        let code = tree::status(span);
        let tone = if span.is_error { Tone::Bad } else { tone(code.parse().ok()) };
        let parts = vec![
            (fit(&format!("{indent}{name}"), name_columns), Tone::Plain),
            (format!("{:>9} ", format!("{:.1} ms", span.duration_ms)), Tone::Plain),
            (tree::bar(trace, span, columns), if span.is_error { Tone::Bad } else { Tone::Good }),
            (format!(" {}", clean(code)), tone),
        ];
        let item = Item::Span(trace.id.to_owned(), span.span_id.clone());
        let mut row = Row::new(item, format!("{} {}", trace.id, span.span_id), parts);
        row.more = format!("{} {}", span.service, span.name);
        rows.push(row);
    }
    for row in &mut rows {
        row.group = number + 1;
    }
    rows
}

/// What is wrong comes first, the worst of it before the rest; notes come after the plugins.
fn problem_rows(data: &Data) -> Vec<Row> {
    let heading = |text: &str| Row::new(Item::Heading, text, vec![(text.to_owned(), Tone::Strong)]);
    let mut problems: Vec<(usize, &Problem)> = data.problems.iter().enumerate().collect();
    problems.sort_by_key(|(_, problem)| std::cmp::Reverse(problem.severity));
    let (notes, wrong): (Vec<_>, Vec<_>) =
        problems.into_iter().partition(|(_, problem)| problem.severity == Severity::Note);
    let mut rows = Vec::new();
    for number in data.ended_untold() {
        let part = &data.snapshot.parts[number];
        let parts = vec![(fit("  error", 10), Tone::Bad), (clean(&part_story(part)), Tone::Plain)];
        let key = format!("ended {} {}", part_kind(part.kind), part.name);
        rows.push(Row::new(Item::Part(number), key, parts));
    }
    rows.extend(wrong.into_iter().map(|(number, problem)| problem_row(number, problem, data)));
    if !rows.is_empty() {
        rows.insert(0, heading("Problems"));
    }
    let plugins = &data.snapshot.plugins;
    if !plugins.is_empty() {
        rows.push(heading("Plugins"));
        rows.extend(plugins.iter().enumerate().map(|(number, plugin)| plugin_row(number, plugin)));
    }
    if !notes.is_empty() {
        rows.push(heading("Notes"));
        rows.extend(notes.into_iter().map(|(number, problem)| problem_row(number, problem, data)));
    }
    rows
}

fn problem_row(number: usize, problem: &Problem, data: &Data) -> Row {
    let tone = match problem.severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Odd,
        Severity::Note => Tone::Dim,
    };
    let place = problem.place.as_ref().map_or(String::new(), |place| {
        format!("{}:{}:{}  ", asked::file(&place.file, &data.folder), place.line, place.column)
    });
    let parts = vec![
        (fit(&format!("  {}", problem.severity.name()), 10), tone),
        (place, Tone::Strong),
        (headline(problem), Tone::Plain),
    ];
    Row::new(Item::Problem(number), format!("problem {} {problem}", problem.code), parts)
}

fn plugin_row(number: usize, plugin: &PluginSummary) -> Row {
    let (loaded, tone) = if plugin.loaded { ("loaded", Tone::Good) } else { ("not loaded", Tone::Bad) };
    let digest = plugin.sha256.as_deref().map_or("no module", |digest| digest.get(..8).unwrap_or(digest));
    let parts = vec![
        (format!("  {}", fit(&clean(&plugin.plugin), 22)), Tone::Plain),
        (format!(" {}", fit(&short(&plugin.proxy), 20)), Tone::Plain),
        (format!(" {}", fit(&clean(&plugin.phase), 11)), Tone::Dim),
        (format!(" {}", fit(&clean(digest), 8)), Tone::Dim),
        (format!(" {loaded}"), tone),
    ];
    Row::new(Item::Plugin(number), format!("plugin {} {}", plugin.proxy, plugin.plugin), parts)
}
