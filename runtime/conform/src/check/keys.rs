//! What a key promises: repeats, two at once, its life; declared errors; and the probe.

use super::{Check, Judged};
use crate::look::{Change, change, differ};
use crate::report::Verdict;
use crate::told::Told;
use crate::world::Case;
use sagaflow_core::codegen::{Json, Ty};
use sagaflow_core::service::Purpose;
use sagaflow_core::value::print_duration;
use std::time::{Duration, Instant};

/// Whether a repeat got the first answer: else, what it got.
fn again(first: &Json, told: &Told) -> Result<(), String> {
    match told {
        Told::Ok(answer) if answer == first => Ok(()),
        Told::Ok(_) => Err("the same call again was answered with another result".to_owned()),
        other => Err(format!("the same call again was answered with {}", other.words())),
    }
}

impl Check<'_> {
    pub(super) async fn repeat(&self) -> Result<Judged, Verdict> {
        let mut case = self.fresh("repeat").await?;
        let before = self.look(&mut case).await;
        let answer = self.done(&mut case).await?;
        let once = self.look(&mut case).await;
        let told = self.world.act(&mut case).await;
        if let Told::Away(reason) = told {
            return Err(Verdict::NotReached(reason));
        }
        let twice = self.look(&mut case).await;
        let moved = differ(&once, &twice);
        let more = match moved {
            true => format!("{} shows that it happened again", self.reader()),
            false => String::new(),
        };
        let verdict = match again(&answer, &told) {
            Ok(()) if moved => Verdict::Broken(format!("the answers are alike, and {more}")),
            Ok(()) if before.is_some() && before == once => Verdict::Kept(Some(format!(
                "as far as its answers tell; {} does not show its effect",
                self.reader()
            ))),
            Ok(()) => Verdict::Kept(self.as_far()),
            Err(why) if moved => Verdict::Broken(format!("{why}, and {more}")),
            Err(why) => Verdict::Broken(why),
        };
        Ok((verdict, case))
    }

    pub(super) async fn two_at_once(&self, single: Option<&Change>) -> Result<Judged, Verdict> {
        let mut case = self.fresh("two-at-once").await?;
        let before = self.look(&mut case).await;
        let (one, other) = self.world.act_twice(&mut case).await;
        // One of two may be told to come back: what counts is what the key is answered with then.
        let settled = match (&one, &other) {
            (Told::Ok(answer), Told::Ok(_)) => answer.clone(),
            _ => match self.world.act(&mut case).await {
                Told::Ok(answer) => answer,
                Told::Away(reason) => return Err(Verdict::NotReached(reason)),
                told => {
                    let why =
                        format!("after two at once, the key is answered with {}", told.words());
                    return Ok((Verdict::Broken(why), case));
                }
            },
        };
        let after = self.look(&mut case).await;
        let conflicts = |told: &Told| match told {
            Told::Ok(answer) => *answer != settled,
            Told::Failed(..) | Told::Undone => true,
            Told::Away(_) | Told::Later | Told::Odd(_) => false,
        };
        if let Some(told) = [&one, &other].into_iter().find(|told| conflicts(told)) {
            let why = match told {
                Told::Ok(_) => "two at once with one key were answered with two results".to_owned(),
                told => format!("of two at once, one was answered with {}", told.words()),
            };
            return Ok((Verdict::Broken(why), case));
        }
        let seen = before.zip(after);
        let both = seen.map(|(before, after)| change(&before, &after, &case.args, &settled));
        let verdict = match (single, both) {
            (Some(single), Some(both)) if *single != both => Verdict::Broken(format!(
                "the answers are alike, and {} shows another change than after one call",
                self.reader()
            )),
            _ => Verdict::Kept(self.as_far()),
        };
        Ok((verdict, case))
    }

    pub(super) async fn key_life(&self) -> Result<Judged, Verdict> {
        let ms = self.action.key_for_ms.unwrap_or_default();
        let life = Duration::from_millis(u64::try_from(ms).unwrap_or_default());
        let said = print_duration(ms);
        if life > self.world.wait {
            let most = i64::try_from(self.world.wait.as_millis()).unwrap_or(i64::MAX);
            return Err(Verdict::NotTried(format!(
                "its key is good for {said}, and `--wait` is {}",
                print_duration(most)
            )));
        }
        let mut case = self.fresh("key-life").await?;
        let begun = Instant::now();
        let answer = self.done(&mut case).await?;
        tokio::time::sleep(life * 4 / 5).await;
        let told = self.world.act(&mut case).await;
        // The service counts from when it heard of the key, which was after `begun`.
        if begun.elapsed() >= life {
            return Err(Verdict::NotTried(format!("the calls took longer than the key's {said}")));
        }
        let verdict = match again(&answer, &told) {
            Ok(()) => Verdict::Kept(None),
            Err(why) => Verdict::Broken(format!(
                "{why}, {} after the first, of the {said} that were said",
                print_duration(ms / 5 * 4)
            )),
        };
        Ok((verdict, case))
    }

    pub(super) async fn error(&self, name: &str, provoked: bool) -> Result<Judged, Verdict> {
        let given = self.given.and_then(|given| given.errors.get(name));
        let case = match given {
            Some(over) => {
                let service = &self.contract.service;
                self.world.case_with(service, self.name, "error", over)
            }
            None if provoked => self.world.case(&self.contract.service, self.name, "error"),
            None => {
                return Err(Verdict::NotTried(format!(
                    "nobody said which arguments provoke it: {}",
                    self.example(&format!("\"errors\": {{\"{name}\": {{…}}}}"))
                )));
            }
        };
        let mut case = self.prepared(case, given).await?;
        let before = self.look(&mut case).await;
        let told = self.world.act(&mut case).await;
        let payload = match told {
            Told::Failed(found, payload) if found == name => payload,
            Told::Away(reason) => return Err(Verdict::NotReached(reason)),
            other => {
                return Err(Verdict::NotTried(format!(
                    "the arguments that should provoke it were answered with {}",
                    other.words()
                )));
            }
        };
        let after = self.look(&mut case).await;
        if differ(&before, &after) {
            let why = format!("{} shows that something happened all the same", self.reader());
            return Ok((Verdict::Broken(why), case));
        }
        if self.action.idempotent {
            match self.world.act(&mut case).await {
                Told::Failed(found, same) if found == name && same == payload => {}
                Told::Away(reason) => return Err(Verdict::NotReached(reason)),
                other => {
                    let why = format!("the same call again was answered with {}", other.words());
                    return Ok((Verdict::Broken(why), case));
                }
            }
        }
        let mut note = self.as_far();
        if let Some(Told::Ok(found)) = self.asked(&mut case, None).await {
            if !found.is_null() {
                let why = "the probe says that it happened".to_owned();
                return Ok((Verdict::Broken(why), case));
            }
            note = None;
        }
        Ok((Verdict::Kept(note), case))
    }

    /// Asks the probe, where there is one that can be asked.
    async fn asked(&self, case: &mut Case, result: Option<&Json>) -> Option<Told> {
        let probe = self.action.probe.as_ref()?;
        self.world.known(&probe.service, &probe.action)?;
        self.world.follow(case, probe, Purpose::Probe, result).await
    }

    pub(super) async fn probe(&self) -> Result<Judged, Verdict> {
        let Some(probe) = &self.action.probe else {
            return Err(Verdict::NotTried("it has no probe".to_owned()));
        };
        let Some((_, asked)) = self.world.known(&probe.service, &probe.action) else {
            let why =
                format!("its probe is `{}.{}`, which is not bound", probe.service, probe.action);
            return Err(Verdict::NotTried(why));
        };
        let telling = match &asked.result {
            Some(Ty::Optional(of)) => **of != Ty::Unit,
            Some(_) => true,
            None => false,
        };
        if !telling {
            return Err(Verdict::NotTried("the probe answers nothing that tells".to_owned()));
        }
        let mut case = self.fresh("probe").await?;
        let answer = self.done(&mut case).await?;
        match self.asked(&mut case, Some(&answer)).await {
            Some(Told::Ok(found)) if found == answer => {}
            Some(Told::Ok(found)) if self.action.result.is_none() && !found.is_null() => {}
            Some(Told::Ok(Json::Null)) => {
                let why = "it says that a call that happened did not".to_owned();
                return Ok((Verdict::Broken(why), case));
            }
            Some(Told::Ok(_)) => {
                let why = "it tells another answer than the call got".to_owned();
                return Ok((Verdict::Broken(why), case));
            }
            Some(Told::Away(reason)) => return Err(Verdict::NotReached(reason)),
            Some(other) => {
                let why = format!("the probe was answered with {}", other.words());
                return Ok((Verdict::Broken(why), case));
            }
            None => return Err(Verdict::NotTried("its arguments cannot be told".to_owned())),
        }
        let mut unseen = self.fresh("probe-first").await?;
        let why = match self.asked(&mut unseen, None).await {
            // It asks with a part of the answer: then it is never asked before there is one.
            None => return Ok((Verdict::Kept(None), unseen)),
            Some(Told::Ok(Json::Null)) => match self.world.act(&mut unseen).await {
                Told::Undone | Told::Failed(..) => return Ok((Verdict::Kept(None), unseen)),
                Told::Away(reason) => return Err(Verdict::NotReached(reason)),
                told => format!(
                    "it said that a call did not happen, and the call that came late was answered with {}",
                    told.words()
                ),
            },
            Some(Told::Away(reason)) => return Err(Verdict::NotReached(reason)),
            Some(told) => {
                format!("of a call that was never made, it was answered with {}", told.words())
            }
        };
        Ok((Verdict::Broken(why), unseen))
    }
}
