//! What an undo promises: it can be repeated, it may come first, and what it undid stays undone.

use super::{Check, Judged};
use crate::contract::Ask;
use crate::look::differ;
use crate::report::Verdict;
use crate::told::Told;
use crate::world::Case;
use sagaflow_core::codegen::Json;
use sagaflow_core::service::Purpose;

impl Check<'_> {
    /// The undo, where it can be called.
    fn undo(&self) -> Result<&Ask, Verdict> {
        let Some(undo) = &self.action.undo else {
            let why = "its undo is more than one call, or computes its arguments: test it with a workflow";
            return Err(Verdict::NotTried(why.to_owned()));
        };
        match self.world.known(&undo.service, &undo.action) {
            Some(_) => Ok(undo),
            None => {
                let why = format!(
                    "its undo is `{}.{}`, and nothing is bound to that",
                    undo.service, undo.action
                );
                Err(Verdict::NotTried(why))
            }
        }
    }

    async fn undone(
        &self,
        case: &mut Case,
        undo: &Ask,
        answer: Option<&Json>,
    ) -> Result<Told, Verdict> {
        match self.world.follow(case, undo, Purpose::Undo, answer).await {
            Some(Told::Away(reason)) => Err(Verdict::NotReached(reason)),
            Some(told) => Ok(told),
            None => {
                let why = "the arguments of its undo are not in what it answered".to_owned();
                Err(Verdict::NotTried(why))
            }
        }
    }

    pub(super) async fn undo_twice(&self) -> Result<Judged, Verdict> {
        let undo = self.undo()?;
        let mut case = self.fresh("undo-twice").await?;
        let answer = self.done(&mut case).await?;
        let first = self.undone(&mut case, undo, Some(&answer)).await?;
        if !matches!(first, Told::Ok(_) | Told::Failed(..)) {
            let why =
                format!("the undo of a call that happened was answered with {}", first.words());
            return Ok((Verdict::Broken(why), case));
        }
        let once = self.look(&mut case).await;
        let second = self.undone(&mut case, undo, Some(&answer)).await?;
        let twice = self.look(&mut case).await;
        let verdict = if second != first {
            Verdict::Broken(format!(
                "the first undo was answered with {}, and the same again with {}",
                first.words(),
                match second {
                    Told::Ok(_) => "another result".to_owned(),
                    ref told => told.words(),
                }
            ))
        } else if differ(&once, &twice) {
            Verdict::Broken(format!(
                "the answers are alike, and {} shows that it was undone again",
                self.reader()
            ))
        } else {
            Verdict::Kept(self.as_far())
        };
        Ok((verdict, case))
    }

    pub(super) async fn undo_first(&self) -> Result<Judged, Verdict> {
        let undo = self.undo()?;
        if undo.needs_result() {
            let why = "its undo needs its answer, and so never comes first".to_owned();
            return Err(Verdict::NotTried(why));
        }
        let mut case = self.fresh("undo-first").await?;
        let before = self.look(&mut case).await;
        let told = self.undone(&mut case, undo, None).await?;
        if !matches!(told, Told::Ok(_)) {
            let why = format!("an undo whose call never came was answered with {}", told.words());
            return Ok((Verdict::Broken(why), case));
        }
        let late = self.world.act(&mut case).await;
        let after = self.look(&mut case).await;
        let verdict = match &late {
            Told::Away(reason) => return Err(Verdict::NotReached(reason.clone())),
            Told::Undone | Told::Failed(..) if !differ(&before, &after) => Verdict::Kept(None),
            Told::Undone | Told::Failed(..) => Verdict::Broken(format!(
                "the call that came after its undo was refused, and {} shows that something happened",
                self.reader()
            )),
            Told::Later => return Err(Verdict::NotTried(late.words())),
            Told::Ok(_) => Verdict::Broken(
                "its undo came first and was answered ok, and the call that came late was applied"
                    .to_owned(),
            ),
            Told::Odd(cause) => Verdict::Broken(format!(
                "its undo came first and was answered ok, and the call that came late was answered with {cause}"
            )),
        };
        Ok((verdict, case))
    }

    pub(super) async fn do_after_undo(&self) -> Result<Judged, Verdict> {
        let undo = self.undo()?;
        let mut case = self.fresh("do-after-undo").await?;
        let answer = self.done(&mut case).await?;
        let told = self.undone(&mut case, undo, Some(&answer)).await?;
        if !matches!(told, Told::Ok(_)) {
            let why = format!("its undo was answered with {}", told.words());
            return Err(Verdict::NotTried(why));
        }
        let before = self.look(&mut case).await;
        let late = self.world.act(&mut case).await;
        let after = self.look(&mut case).await;
        let verdict = match late {
            Told::Away(reason) => return Err(Verdict::NotReached(reason)),
            Told::Undone if !differ(&before, &after) => Verdict::Kept(None),
            Told::Undone => Verdict::Broken(format!(
                "the duplicate was refused, and {} shows that something happened",
                self.reader()
            )),
            told => Verdict::Broken(format!(
                "it was done and undone, and the same call once more was answered with {}",
                told.words()
            )),
        };
        Ok((verdict, case))
    }
}
