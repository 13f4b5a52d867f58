//! How long one question may take. Values are made from one another in circles and along many ways; a question that asks others,
//! each of which asks others again, ends with "unknown" when it has asked enough. What is counted belongs to one question alone,
//! so that the answer depends on nothing but the code.

use std::cell::Cell;

/// Questions that one may ask, itself included. Those of real code ask ten at most.
const MAX_ASKED: u32 = 256;

thread_local! {
    /// How many questions wait for an answer, and how many the outermost has asked.
    static ASKED: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
}

/// A question that is being asked, for as long as it lives.
pub(super) struct Turn(());

impl Turn {
    /// None if the outermost question has asked enough.
    pub(super) fn take() -> Option<Turn> {
        ASKED.with(|asked| {
            let (waiting, count) = asked.get();
            let count = if waiting == 0 { 1 } else { count + 1 };
            let is_enough = count > MAX_ASKED;
            asked.set((waiting + u32::from(!is_enough), count));
            // Made only if it is counted, since its end takes the count back.
            (!is_enough).then(|| Turn(()))
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        ASKED.with(|asked| {
            let (waiting, count) = asked.get();
            asked.set((waiting - 1, count));
        });
    }
}
