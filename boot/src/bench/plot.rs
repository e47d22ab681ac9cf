//! A table as a plot: bars of one column, in SVG. The longest bar fills the width; beyond a limit a bar is cut and says so.

use super::table::Table;

const LEFT: f64 = 190.0;
const WIDTH: f64 = 520.0;
const STEP: f64 = 24.0;
/// A bar of more than so many times the first is cut: it would hide the others.
const CUT: f64 = 20.0;

/// Bars of a column. Rows without a number in it are left out; none when nothing is left.
pub fn bars(table: &Table, column: usize, below: &str) -> Option<String> {
    let rows: Vec<(&str, f64)> =
        table.rows.iter().filter_map(|(of, cells)| Some((of.as_str(), cells.get(column)?.number()?))).collect();
    let first = rows.first()?.1.max(f64::MIN_POSITIVE);
    let most = rows.iter().map(|(_, v)| v.min(first * CUT)).fold(first, f64::max);
    let height = 60.0 + STEP * rows.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {height}\" width=\"{w}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"20\" font-weight=\"bold\">{}, {}</text>\n",
        escaped(&table.title),
        escaped(table.columns[column]),
        w = LEFT + WIDTH + 110.0,
    );
    for (i, (of, value)) in rows.iter().enumerate() {
        let y = 34.0 + STEP * i as f64;
        let long = (value.min(most) / most * WIDTH).max(1.0);
        let colour = match of {
            of if of.starts_with("keel") || of.starts_with("pid1") => "#d9480f",
            of if of.starts_with("floor") => "#868e96",
            _ => "#4c6ef5",
        };
        let cut = if *value > most { " (cut)" } else { "" };
        svg += &format!(
            "<text x=\"{tx}\" y=\"{ty}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{long:.1}\" height=\"16\" fill=\"{colour}\"/>\
             <text x=\"{vx:.1}\" y=\"{ty}\">{value:.0}{cut}</text>\n",
            escaped(of),
            tx = LEFT - 8.0,
            ty = y + 13.0,
            vx = LEFT + long + 6.0,
        );
    }
    svg += &format!(
        "<text x=\"8\" y=\"{}\" fill=\"#555\" font-size=\"11\">{}</text>\n</svg>\n",
        height - 8.0,
        escaped(below)
    );
    Some(svg)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::super::table::Cell;
    use super::*;

    #[test]
    fn a_bar_each_and_the_longest_is_cut() {
        let mut table = Table::new("t", "a < b", &["µs"]);
        table.row("floor", vec![Cell::Whole(10.0)]);
        table.row("none", vec![Cell::None]);
        table.row("long", vec![Cell::Whole(900.0)]);
        let svg = bars(&table, 0, "kernel").unwrap();
        assert!(svg.contains("a &lt; b, µs") && svg.contains(">900 (cut)<") && !svg.contains("none"), "{svg}");
        assert_eq!(svg.matches("<rect x=").count(), 2);
        table.rows.clear();
        assert!(bars(&table, 0, "kernel").is_none());
    }
}
