//! Report of a demo: a table for the terminal, a page with plots.

use crate::{
    demo::{Record, Step},
    market,
};
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::fmt::Write;

const BLUE_LINE: RGBColor = RGBColor(31, 95, 191);
const ORANGE_LINE: RGBColor = RGBColor(214, 110, 20);
const GREY_BAND: RGBColor = RGBColor(222, 228, 236);
const GREY_LINE: RGBColor = RGBColor(120, 130, 140);

/// The table printed at the end.
pub fn table(record: &Record) -> String {
    let mut text = String::new();
    for (heading, rows) in sections(record) {
        let _ = writeln!(text, "\n{heading}");
        let width = rows.iter().map(|row| row.0.len()).max().unwrap_or(0);
        let right = rows.iter().map(|row| row.1.len()).max().unwrap_or(0);
        for (name, value) in rows {
            let _ = writeln!(text, "  {name:width$}  {value:>right$}");
        }
    }
    text
}

type Section = (String, Vec<(String, String)>);

fn row(name: impl Into<String>, value: impl Into<String>) -> (String, String) {
    (name.into(), value.into())
}

fn sections(record: &Record) -> Vec<Section> {
    let mut sections = vec![outcome(record)];
    if !record.hedges.is_empty() {
        sections.push(hedges(record));
    }
    let ledger = &record.ledger;
    sections.push((
        String::from("Accounting in dollars, every digit"),
        vec![
            row("deposits", ledger.deposits.exact()),
            row("− paid out to leavers", (-ledger.payouts).exact()),
            row("+ price moves", ledger.price_moves.exact()),
            row("− trading fees", (-ledger.trading_fees).exact()),
            row("− slippage (cost of trades beyond the fee)", (-ledger.slippage).exact()),
            row("= accounted", ledger.expected().exact()),
            row("held by vault and book", record.held.exact()),
            row("difference", (record.held - ledger.expected()).exact()),
        ],
    ));
    let gas = record.tally.gas.iter();
    let gas = gas.map(|(call, gas)| {
        row(
            *call,
            format!(
                "{} × {} gas (least {}, most {})",
                gas.count,
                gas.total / gas.count.max(1),
                gas.min,
                gas.max
            ),
        )
    });
    sections.push((String::from("Gas per call, programs cached"), gas.collect()));
    let refused: Vec<_> = record
        .tally
        .refused
        .iter()
        .map(|(why, n)| row(*why, n.to_string()))
        .collect();
    if !refused.is_empty() {
        sections.push((String::from("Refused calls"), refused));
    }
    let mut checks = vec![
        row("checks", record.checks.to_string()),
        row("broken", record.broken.len().to_string()),
    ];
    checks.extend(record.broken.iter().take(20).map(|broken| row(broken, "")));
    sections.push((String::from("Invariants"), checks));
    sections
}

fn outcome(record: &Record) -> Section {
    let heading = format!(
        "Replay {}",
        if record.hedged {
            "with hedging"
        } else {
            "without hedging"
        }
    );
    let (Some(first), Some(last)) = (record.steps.first(), record.steps.last()) else {
        return (heading, Vec::new());
    };
    let (mean, most) = record.tracking();
    let steps = &record.steps;
    let worst = |of: fn(&Step) -> f64| steps.iter().map(of).fold(0.0, f64::max);
    let rows = vec![
        row(
            "period (UTC)",
            format!("{} to {}", market::date(first.timestamp), market::date(last.timestamp)),
        ),
        row("steps", steps.len().to_string()),
        row("BTC in dollars", format!("{:.2} → {:.2}", first.price, last.price)),
        row("net asset value in dollars", format!("{:.2}", last.nav)),
        row(
            "dollars per share",
            format!("{:.6} → {:.6}", first.share_price, last.share_price),
        ),
        row(
            "delta in BTC (target)",
            format!("{:.6} ({:.6})", last.delta, last.target),
        ),
        row(
            "net leverage, last and highest",
            format!("{:.4} / {:.4}", last.net_leverage, worst(|step| step.net_leverage)),
        ),
        row(
            "gross leverage, last and highest",
            format!("{:.4} / {:.4}", last.gross_leverage, worst(|step| step.gross_leverage)),
        ),
        row(
            "tracking error, mean and highest",
            format!("{:.4} % / {:.4} %", 100.0 * mean, 100.0 * most),
        ),
    ];
    (heading, rows)
}

fn hedges(record: &Record) -> Section {
    let names = |rule: u8| match rule {
        4 => "leverage",
        5 => "redemption queue",
        6 => "delta band",
        _ => "other",
    };
    let by_rule = record.by_rule().into_iter();
    let mut rows: Vec<_> = by_rule
        .map(|(rule, n)| row(format!("rebalances by rule {rule} ({})", names(rule)), n.to_string()))
        .collect();
    rows.push(row(
        "traded in dollars",
        format!("{:.2}", record.hedges.iter().map(|hedge| hedge.traded).sum::<f64>()),
    ));
    rows.push(row(
        "cost at oracle mid in dollars",
        format!("{:.2}", record.hedges.iter().map(|hedge| hedge.cost).sum::<f64>()),
    ));
    for hedge in edges(record) {
        let text = format!("{:.6} → {:.6} BTC, rule {}", hedge.before, hedge.after, hedge.rule);
        rows.push(row(format!("  delta on {}", market::date(hedge.timestamp)), text));
    }
    (
        String::from("Rebalances (the first and the last ones; all are in the report)"),
        rows,
    )
}

/// The first and last few hedges.
fn edges(record: &Record) -> Vec<&crate::demo::Hedge> {
    const EACH: usize = 5;
    let all = &record.hedges;
    if all.len() <= 2 * EACH {
        return all.iter().collect();
    }
    all.iter().take(EACH).chain(all.iter().skip(all.len() - EACH)).collect()
}

/// A page of its own: plots and tables, no scripts, nothing loaded from elsewhere.
pub fn html(record: &Record) -> Result<String> {
    let series = |of: fn(&Step) -> f64| -> Vec<f64> { record.steps.iter().map(of).collect() };
    let plots = [
        plot(
            record,
            "BTC in dollars",
            None,
            &[("price", BLUE_LINE, series(|step| step.price))],
        )?,
        plot(
            record,
            "Dollars per share",
            None,
            &[("share price", BLUE_LINE, series(|step| step.share_price))],
        )?,
        plot(
            record,
            "Delta of the book in BTC, against its band",
            Some((series(|step| step.lower), series(|step| step.upper))),
            &[
                ("target", GREY_LINE, series(|step| step.target)),
                ("delta", ORANGE_LINE, series(|step| step.delta)),
            ],
        )?,
        plot(
            record,
            "Leverage of the book",
            None,
            &[
                ("gross", GREY_LINE, series(|step| step.gross_leverage)),
                ("net", BLUE_LINE, series(|step| step.net_leverage)),
            ],
        )?,
    ];
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Gimbal demo</title>\n\
         <style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem;color:#1c2733}\
         svg{width:100%;height:auto}h2{margin-top:2rem}table{border-collapse:collapse}\
         td,th{padding:.15rem .8rem;border-bottom:1px solid #e3e8ee;text-align:left}\
         td+td{text-align:right;font-variant-numeric:tabular-nums}</style></head><body>\n<h1>Gimbal demo</h1>\n",
    );
    let _ = writeln!(
        page,
        "<p>Recorded hourly prices (Coinbase BTC-USD), Gimbal's contracts and Uniswap v3's own bytecode on the \
         embedded chain. {}</p>",
        if record.hedged {
            "A keeper hedged whenever the contract asked for it."
        } else {
            "Nobody hedged."
        }
    );
    page.extend(plots);
    for (heading, rows) in sections(record) {
        let _ = writeln!(page, "<h2>{}</h2>\n<table>", escape(&heading));
        for (name, value) in rows {
            let _ = writeln!(page, "<tr><td>{}</td><td>{}</td></tr>", escape(&name), escape(&value));
        }
        page.push_str("</table>\n");
    }
    if !record.hedges.is_empty() {
        page.push_str("<h2>All rebalances</h2>\n<table><tr><th>hour (UTC)</th><th>rule</th><th>delta before</th><th>after</th><th>traded $</th><th>cost $</th></tr>\n");
        for hedge in &record.hedges {
            let _ = writeln!(
                page,
                "<tr><td>{} {:02}:00</td><td>{}</td><td>{:.6}</td><td>{:.6}</td><td>{:.2}</td><td>{:.4}</td></tr>",
                market::date(hedge.timestamp),
                hedge.timestamp % 86_400 / 3_600,
                hedge.rule,
                hedge.before,
                hedge.after,
                hedge.traded,
                hedge.cost
            );
        }
        page.push_str("</table>\n");
    }
    page.push_str("</body></html>\n");
    Ok(page)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

type Line<'a> = (&'a str, RGBColor, Vec<f64>);

/// One plot over time as inline SVG; `band` is drawn behind the lines.
fn plot(record: &Record, title: &str, band: Option<(Vec<f64>, Vec<f64>)>, lines: &[Line<'_>]) -> Result<String> {
    let mut svg = String::new();
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
        let times: Vec<u64> = record.steps.iter().map(|step| step.timestamp).collect();
        let (start, end) = (times.first().copied().unwrap_or(0), times.last().copied().unwrap_or(1));
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
            .x_label_formatter(&|time| market::date(*time))
            .draw()
            .map_err(|error| failed(&error))?;
        if let Some((lower, upper)) = band {
            let over = times.iter().copied().zip(upper);
            let under = times.iter().copied().zip(lower).rev();
            let outline: Vec<(u64, f64)> = over.chain(under).collect();
            chart
                .draw_series(std::iter::once(Polygon::new(outline, GREY_BAND.filled())))
                .map_err(|error| failed(&error))?
                .label("band")
                .legend(|(x, y)| Rectangle::new([(x, y - 5), (x + 16, y + 5)], GREY_BAND.filled()));
        }
        for (name, colour, values) in lines {
            let colour = *colour;
            let points = times.iter().copied().zip(values.iter().copied());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn step(timestamp: u64) -> Step {
        Step {
            timestamp,
            price: 6_400.0,
            nav: 100.0,
            share_price: 1.0,
            delta_before: 0.0,
            delta: 1.0,
            target: 1.1,
            lower: 0.9,
            upper: 1.3,
            net_leverage: 0.5,
            gross_leverage: 0.5,
            tracking_error: 0.01,
        }
    }

    #[test]
    fn html_has_four_plots_and_escapes_text() {
        let mut record = Record {
            steps: vec![step(3_600), step(7_200)],
            ..Record::default()
        };
        record.broken.push(String::from("INV-1: 1 < 2"));
        let page = html(&record).unwrap();
        assert_eq!(page.matches("<svg").count(), 4);
        assert!(page.contains("INV-1: 1 &lt; 2"));
        assert!(!page.contains("<script"));
    }

    #[test]
    fn table_shows_the_difference_of_the_books() {
        let record = Record {
            steps: vec![step(3_600), step(7_200)],
            ..Record::default()
        };
        assert!(table(&record).contains("difference"));
    }
}
