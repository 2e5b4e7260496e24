//! Pages and tables of the reports: plots as inline SVG, no scripts, nothing loaded from elsewhere.

use crate::market;
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::fmt::Write;

pub(crate) const BLUE_LINE: RGBColor = RGBColor(31, 95, 191);
pub(crate) const ORANGE_LINE: RGBColor = RGBColor(214, 110, 20);
pub(crate) const GREEN_LINE: RGBColor = RGBColor(40, 140, 80);
pub(crate) const GREY_LINE: RGBColor = RGBColor(120, 130, 140);
const GREY_BAND: RGBColor = RGBColor(222, 228, 236);

/// A heading and its rows of name and value.
pub(crate) type Section = (String, Vec<(String, String)>);

/// A row of a [`Section`].
pub(crate) fn row(name: impl Into<String>, value: impl Into<String>) -> (String, String) {
    (name.into(), value.into())
}

/// Sections for a terminal.
pub(crate) fn text(sections: &[Section]) -> String {
    let mut text = String::new();
    for (heading, rows) in sections {
        let _ = writeln!(text, "\n{heading}");
        let length = |cell: &str| cell.chars().count();
        let width = rows.iter().map(|row| length(&row.0)).max().unwrap_or(0);
        let right = rows.iter().map(|row| length(&row.1)).max().unwrap_or(0);
        for (name, value) in rows {
            let _ = writeln!(text, "  {name:width$}  {value:>right$}");
        }
    }
    text
}

/// A page under construction.
pub(crate) struct Page(String);

impl Page {
    pub(crate) fn new(title: &str) -> Self {
        let title = escape(title);
        Self(format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n\
             <style>body{{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem;color:#1c2733}}\
             svg{{width:100%;height:auto}}h2{{margin-top:2rem}}table{{border-collapse:collapse}}\
             td,th{{padding:.15rem .8rem;border-bottom:1px solid #e3e8ee;text-align:left}}\
             td+td{{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}}</style></head><body>\n<h1>{title}</h1>\n"
        ))
    }

    /// Adds markup as it is.
    pub(crate) fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    pub(crate) fn paragraph(&mut self, text: &str) {
        let _ = writeln!(self.0, "<p>{}</p>", escape(text));
    }

    pub(crate) fn sections(&mut self, sections: &[Section]) {
        for (heading, rows) in sections {
            let cells = rows.iter().map(|(name, value)| vec![name.clone(), value.clone()]);
            self.table(heading, &[], cells);
        }
    }

    pub(crate) fn table(&mut self, heading: &str, columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let _ = writeln!(self.0, "<h2>{}</h2>\n<table>", escape(heading));
        let cells = |tag: &str, cells: &[&str]| -> String {
            let cells = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escape(cell)));
            cells.collect()
        };
        if !columns.is_empty() {
            let _ = writeln!(self.0, "<tr>{}</tr>", cells("th", columns));
        }
        for row in rows {
            let row: Vec<&str> = row.iter().map(String::as_str).collect();
            let _ = writeln!(self.0, "<tr>{}</tr>", cells("td", &row));
        }
        self.0.push_str("</table>\n");
    }

    pub(crate) fn finish(mut self) -> String {
        self.0.push_str("</body></html>\n");
        self.0
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A line of a plot: label, colour, values.
pub(crate) type Line<'a> = (&'a str, RGBColor, Vec<f64>);

/// The horizontal axis of a plot, and its title.
pub(crate) struct Plot<'a> {
    title: &'a str,
    at: &'a [u64],
    label: Box<dyn Fn(&u64) -> String + 'a>,
}

impl<'a> Plot<'a> {
    /// A plot over Unix times.
    pub(crate) fn over_time(title: &'a str, times: &'a [u64]) -> Self {
        Self::over(title, times, |time| market::date(*time))
    }

    /// A plot over whole numbers with labels of their own.
    pub(crate) fn over(title: &'a str, at: &'a [u64], label: impl Fn(&u64) -> String + 'a) -> Self {
        Self {
            title,
            at,
            label: Box::new(label),
        }
    }

    /// The plot as inline SVG; `band` (lower, upper) is drawn behind the lines.
    pub(crate) fn svg(&self, band: Option<(Vec<f64>, Vec<f64>)>, lines: &[Line<'_>]) -> Result<String> {
        let mut svg = String::new();
        let title = self.title;
        {
            let failed = |error: &dyn std::fmt::Display| anyhow!("plot {title:?}: {error}");
            let area = SVGBackend::with_string(&mut svg, (960, 300)).into_drawing_area();
            area.fill(&WHITE).map_err(|error| failed(&error))?;
            let values = lines.iter().flat_map(|line| &line.2);
            let edges = band.iter().flat_map(|(lower, upper)| lower.iter().chain(upper));
            let (low, high) = values
                .chain(edges)
                .fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
            let margin = ((high - low) * 0.06).max(f64::EPSILON.max(high.abs() * 1e-6));
            let at = self.at;
            let (start, end) = (at.first().copied().unwrap_or(0), at.last().copied().unwrap_or(1));
            let mut chart = ChartBuilder::on(&area)
                .caption(title, ("sans-serif", 18))
                .margin(8)
                .x_label_area_size(28)
                .y_label_area_size(64)
                .build_cartesian_2d(start..end, low - margin..high + 4.0 * margin) // room for the legend above the lines
                .map_err(|error| failed(&error))?;
            chart
                .configure_mesh()
                .light_line_style(WHITE)
                .x_labels(8)
                .y_labels(6)
                .x_label_formatter(&self.label)
                .draw()
                .map_err(|error| failed(&error))?;
            if let Some((lower, upper)) = band {
                let over = at.iter().copied().zip(upper);
                let under = at.iter().copied().zip(lower).rev();
                let outline: Vec<(u64, f64)> = over.chain(under).collect();
                chart
                    .draw_series(std::iter::once(Polygon::new(outline, GREY_BAND.filled())))
                    .map_err(|error| failed(&error))?
                    .label("band")
                    .legend(|(x, y)| Rectangle::new([(x, y - 5), (x + 16, y + 5)], GREY_BAND.filled()));
            }
            for (name, colour, values) in lines {
                let colour = *colour;
                let points = at.iter().copied().zip(values.iter().copied());
                chart
                    .draw_series(LineSeries::new(points, colour.stroke_width(1)))
                    .map_err(|error| failed(&error))?
                    .label(*name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
            }
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperRight)
                .background_style(WHITE.mix(0.8))
                .draw()
                .map_err(|error| failed(&error))?;
            area.present().map_err(|error| failed(&error))?;
        }
        Ok(svg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_escapes_what_is_not_markup() {
        let mut page = Page::new("a & b");
        page.table("<h>", &["x"], [vec![String::from("1 < 2")]]);
        let page = page.finish();
        assert!(page.contains("a &amp; b") && page.contains("&lt;h&gt;") && page.contains("1 &lt; 2"));
    }
}
