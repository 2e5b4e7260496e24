//! Report of a demo: a table for the terminal, a page with plots.

use crate::{
    demo::{Record, Step},
    market,
    page::{BLUE_LINE, GREY_LINE, ORANGE_LINE, Page, Plot, Section, row, text},
};
use anyhow::Result;
/// The table printed at the end.
pub fn table(record: &Record) -> String {
    text(&sections(record))
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
    let times: Vec<u64> = record.steps.iter().map(|step| step.timestamp).collect();
    let plot = |title, band, lines: &[_]| Plot::over_time(title, &times).svg(band, lines);
    let mut page = Page::new("Gimbal demo");
    page.paragraph(&format!(
        "Recorded hourly prices (Coinbase BTC-USD), Gimbal's contracts and Uniswap v3's own bytecode on the \
         embedded chain. {}",
        if record.hedged {
            "A keeper hedged whenever the contract asked for it."
        } else {
            "Nobody hedged."
        }
    ));
    page.raw(&plot(
        "BTC in dollars",
        None,
        &[("price", BLUE_LINE, series(|step| step.price))],
    )?);
    page.raw(&plot(
        "Dollars per share",
        None,
        &[("share price", BLUE_LINE, series(|step| step.share_price))],
    )?);
    page.raw(&plot(
        "Delta of the book in BTC, against its band",
        Some((series(|step| step.lower), series(|step| step.upper))),
        &[
            ("target", GREY_LINE, series(|step| step.target)),
            ("delta", ORANGE_LINE, series(|step| step.delta)),
        ],
    )?);
    page.raw(&plot(
        "Leverage of the book",
        None,
        &[
            ("gross", GREY_LINE, series(|step| step.gross_leverage)),
            ("net", BLUE_LINE, series(|step| step.net_leverage)),
        ],
    )?);
    page.sections(&sections(record));
    if !record.hedges.is_empty() {
        let headings = ["hour (UTC)", "rule", "delta before", "after", "traded $", "cost $"];
        let rows = record.hedges.iter().map(|hedge| {
            vec![
                market::hour(hedge.timestamp),
                hedge.rule.to_string(),
                format!("{:.6}", hedge.before),
                format!("{:.6}", hedge.after),
                format!("{:.2}", hedge.traded),
                format!("{:.4}", hedge.cost),
            ]
        });
        page.table("All rebalances", &headings, rows);
    }
    Ok(page.finish())
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
