//! How a listing looks: names in columns, a table, JSON. Byte for byte what lxc-ls prints, trailing blanks included,
//! since scripts cut it by columns. Pure.

use keel_core::nearest;
use serde_json::{Value, json};

/// What is known of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub name: String,
    /// LXC's word.
    pub state: &'static str,
    /// Of its first program, in this pid namespace.
    pub pid: Option<i32>,
    /// Bytes.
    pub ram: Option<u64>,
    /// Bytes.
    pub swap: Option<u64>,
    pub autostart: bool,
    pub groups: Vec<String>,
    pub interface: Vec<String>,
    pub ipv4: Vec<String>,
    pub ipv6: Vec<String>,
    pub unprivileged: bool,
}

impl Row {
    /// A container of which nothing else is known.
    pub fn stopped() -> Row {
        Row {
            name: String::new(),
            state: "STOPPED",
            pid: None,
            ram: None,
            swap: None,
            autostart: false,
            groups: vec![],
            interface: vec![],
            ipv4: vec![],
            ipv6: vec![],
            unprivileged: false,
        }
    }
}

type Cell = fn(&Row) -> String;

/// Columns in LXC's order, and whether the table has them when none are asked for.
const COLUMNS: &[(&str, bool, Cell)] = &[
    ("NAME", true, |row| row.name.clone()),
    ("STATE", true, |row| row.state.to_owned()),
    ("PID", false, |row| row.pid.map_or_else(none, |pid| pid.to_string())),
    ("RAM", false, |row| row.ram.map_or_else(none, megabytes)),
    ("SWAP", false, |row| row.swap.map_or_else(none, megabytes)),
    ("AUTOSTART", true, |row| u8::from(row.autostart).to_string()),
    ("GROUPS", true, |row| list(&row.groups)),
    ("INTERFACE", false, |row| list(&row.interface)),
    ("IPV4", true, |row| list(&row.ipv4)),
    ("IPV6", true, |row| list(&row.ipv6)),
    ("UNPRIVILEGED", true, |row| row.unprivileged.to_string()),
];

/// A column of the table.
pub type Column = &'static (&'static str, bool, Cell);

/// The columns of a table that nobody chose.
pub fn usual() -> Vec<Column> {
    COLUMNS.iter().filter(|(_, shown, _)| *shown).collect()
}

/// `NAME,STATE`, in any case and in this order.
pub fn columns(text: &str) -> Result<Vec<Column>, String> {
    let find = |word: &str| {
        let word = word.trim();
        COLUMNS
            .iter()
            .find(|(name, ..)| name.eq_ignore_ascii_case(word))
            .ok_or_else(|| format!("no column '{word}'{}", nearest::hint(word, COLUMNS.iter().map(|(name, ..)| *name))))
    };
    text.split(',').map(find).collect()
}

/// The table, with its head; nothing at all when there is no row.
pub fn table(rows: &[Row], columns: &[Column]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head: Vec<String> = columns.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let body = rows.iter().map(|row| columns.iter().map(|(.., cell)| cell(row)).collect());
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(body).collect();
    let widest = |at: usize| lines.iter().map(|line| width(&line[at])).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| match columns[at].0 {
            // LXC leaves room for a number where there is none, too.
            "RAM" | "SWAP" => widest(at).max("0.00MB".len()),
            _ => widest(at),
        })
        .collect();
    let mut out = String::new();
    for line in &lines {
        for (cell, width) in line.iter().zip(&widths) {
            pad(&mut out, cell, *width);
            out.push(' ');
        }
        out.push('\n');
    }
    out
}

/// Names in as many columns as fit a terminal of `across` letters; one in a line where there is none.
pub fn names(rows: &[Row], across: Option<usize>) -> String {
    // LXC's least width is that of the table's head.
    let longest = rows.iter().map(|row| width(&row.name)).max().unwrap_or(0).max("NAME".len());
    let each = across.map_or(1, |across| ((across + 1) / (longest + 1)).max(1));
    let mut out = String::new();
    for line in rows.chunks(each) {
        for (at, row) in line.iter().enumerate() {
            pad(&mut out, &row.name, longest);
            // Also behind the last name of a line that is not full.
            if at + 1 < each {
                out.push(' ');
            }
        }
        out.push('\n');
    }
    out
}

/// An array with an object for each container.
pub fn json(rows: &[Row]) -> String {
    let array: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "name": row.name, "state": row.state, "pid": row.pid, "ram_bytes": row.ram, "swap_bytes": row.swap,
                "autostart": row.autostart, "groups": row.groups, "interfaces": row.interface, "ipv4": row.ipv4,
                "ipv6": row.ipv6, "unprivileged": row.unprivileged,
            })
        })
        .collect();
    format!("{:#}\n", Value::Array(array))
}

fn none() -> String {
    "-".to_owned()
}

fn list(words: &[String]) -> String {
    if words.is_empty() { none() } else { words.join(", ") }
}

/// Mebibytes with two digits, as LXC has it; by integers, since formatting a float costs a static program 12 kB.
fn megabytes(bytes: u64) -> String {
    let hundredths = (u128::from(bytes) * 100 + (1 << 19)) >> 20;
    format!("{}.{:02}MB", hundredths / 100, hundredths % 100)
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn pad(out: &mut String, text: &str, to: usize) {
    out.push_str(text);
    out.extend(std::iter::repeat_n(' ', to - width(text)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str) -> Row {
        Row { name: name.to_owned(), ..Row::stopped() }
    }

    #[test]
    fn the_table_is_that_of_lxc() {
        let running = Row {
            state: "RUNNING",
            pid: Some(21536),
            ram: Some(598_000),
            swap: Some(0),
            interface: vec!["lo".into()],
            ..row("bb")
        };
        assert_eq!(
            table(std::slice::from_ref(&running), &usual()),
            "NAME STATE   AUTOSTART GROUPS IPV4 IPV6 UNPRIVILEGED \n\
             bb   RUNNING 0         -      -    -    false        \n"
        );
        let all: Vec<&str> = COLUMNS.iter().map(|(name, ..)| *name).collect();
        assert_eq!(
            table(&[running], &columns(&all.join(",")).unwrap()),
            "NAME STATE   PID   RAM    SWAP   AUTOSTART GROUPS INTERFACE IPV4 IPV6 UNPRIVILEGED \n\
             bb   RUNNING 21536 0.57MB 0.00MB 0         -      lo        -    -    false        \n"
        );
        let grouped = Row { groups: vec!["g1".into(), "onboot".into()], autostart: true, ..row("a") };
        assert_eq!(
            table(&[grouped], &columns(" name ,groups,autoSTART").unwrap()),
            "NAME GROUPS     AUTOSTART \na    g1, onboot 1         \n"
        );
        assert_eq!(table(&[], &usual()), "");
        assert_eq!(table(&[row("a")], &columns("PID,RAM,SWAP").unwrap()), "PID RAM    SWAP   \n-   -      -      \n");
    }

    #[test]
    fn names_fill_the_terminal() {
        let rows = [row("a"), row("bbbb"), row("c")];
        assert_eq!(names(&rows, None), "a   \nbbbb\nc   \n");
        assert_eq!(names(&rows, Some(8)), "a   \nbbbb\nc   \n");
        assert_eq!(names(&rows, Some(9)), "a    bbbb\nc    \n");
        assert_eq!(names(&rows, Some(14)), "a    bbbb c   \n");
        assert_eq!(names(&rows, Some(0)), "a   \nbbbb\nc   \n");
        assert_eq!(names(&[], Some(80)), "");
    }

    #[test]
    fn a_wrong_column_is_named() {
        assert_eq!(columns("NAME,STAET").unwrap_err(), "no column 'STAET', nearest is 'STATE'");
        assert_eq!(columns("").unwrap_err(), "no column ''");
    }

    #[test]
    fn megabytes_are_rounded() {
        assert_eq!(megabytes(0), "0.00MB");
        assert_eq!(megabytes(1 << 20), "1.00MB");
        assert_eq!(megabytes(598_016), "0.57MB");
        assert_eq!(megabytes(u64::MAX), "17592186044416.00MB");
    }
}
