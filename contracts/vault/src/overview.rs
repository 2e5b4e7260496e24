//! Everything that a user interface shows, in one answer.

use crate::{Vault, error::Outcome, marks::Marks};
use alloc::vec::Vec;
use alloy_primitives::{Address, U256};
use engine::shares;
use interfaces::{BookView, Overview};

impl Vault {
    /// The vault and `account`, measured once.
    pub(crate) fn overview_of(&self, account: Address) -> Outcome<(Overview, Vec<BookView>)> {
        let marks = self.look()?;
        let fees = self.fees_due(&marks)?;
        let supply = self.supply_with(&fees)?;
        let claim = self.claim_of(account)?;
        let (open, open_cut_off) = self.open_batch();
        let balance = self.balances.get(account);
        let flag = |set| U256::from(u8::from(set));
        let mut overview = Overview {
            navMin: marks.values.min,
            navMid: marks.values.mid,
            navMax: marks.values.max,
            unmeasured: U256::from(marks.books.iter().filter(|book| book.values.is_none()).count()),
            supply: U256::from(self.total_supply.get()),
            pendingFees: fees.shares().unwrap_or_default(),
            highWaterMark: U256::from(self.high_water_mark.get()),
            idle: U256::from(self.idle.get()),
            claimReserve: U256::from(self.claim_reserve.get()),
            windingDown: flag(self.winding_down.get()),
            locked: flag(self.is_locked()),
            openBatch: U256::from(open),
            openCutOff: U256::from(open_cut_off),
            balance,
            maxDeposit: self.room_for_view(&marks, supply, account),
            value: self.rate(supply, self.mid_or_last(&marks)).to_assets_down(balance)?,
            requestId: claim.batch,
            pendingShares: claim.pending,
            claimableShares: claim.shares,
            claimableAssets: claim.assets,
            nonce: self.nonces.get(account),
            ..Overview::default()
        };
        if let Some((number, cut_off)) = self.oldest_batch() {
            let batch = self.load_batch(number);
            overview.oldestBatch = U256::from(number);
            overview.oldestCutOff = U256::from(cut_off);
            overview.oldestSharesLeft = shares::unfilled(&batch, batch.shares).unwrap_or_default();
        }
        Ok((overview, self.book_views(&marks)))
    }

    fn book_views(&self, marks: &Marks) -> Vec<BookView> {
        let view = |book: &crate::marks::MeasuredBook| {
            let limit = self.limits.getter(book.at);
            let values = book.values.unwrap_or_default();
            BookView {
                book: book.at,
                isolated: U256::from(u8::from(book.isolated)),
                cap: limit.cap.get(),
                allocated: limit.allocated.get(),
                pocket: U256::from(book.pocket),
                measured: U256::from(u8::from(book.values.is_some())),
                navMin: values.min,
                navMid: values.mid,
                navMax: values.max,
            }
        };
        marks.books.iter().map(view).collect()
    }
}
