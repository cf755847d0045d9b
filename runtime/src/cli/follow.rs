//! Following a run on the terminal until it ends or rests for a person.

use crate::story::Story;
use sagaflow_core::id::RunId;
use sagaflow_core::run::State;
use sagaflow_engine::view::View;
use sagaflow_engine::{Error, Handle};
use std::io::Write;
use std::time::Duration;

/// Longest time between two looks: what a lost wake-up costs.
const LOOK: Duration = Duration::from_millis(500);

/// How following ended.
pub enum Rest {
    /// The run ended.
    Ended(Box<View>),
    /// It needs a person.
    Parked(Box<View>),
    /// Whoever watches has seen enough.
    Interrupted(Box<View>),
}

/// Writes the story of a run as it happens.
pub async fn follow(
    handle: &Handle,
    run: RunId,
    story: &mut Story,
    out: &mut (dyn Write + Send),
) -> Result<Rest, Error> {
    let mut told = 0;
    let mut hinted = false;
    let mut feed = handle.watch(run)?;
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        // Order: the look at the state comes before the records, so that what is told is never less
        // than what is concluded from.
        let view = handle.view(run).await?;
        told = tell(handle, run, story, out, told).await?;
        if view.row.ended_at.is_some() {
            return Ok(Rest::Ended(Box::new(view)));
        }
        if view.needs_a_person() || handle.machine_of(&view.row).is_none() {
            return Ok(Rest::Parked(Box::new(view)));
        }
        if !hinted && waits_for_the_world(&view) {
            hinted = true;
            let hint =
                "(nobody can answer here: stop with Ctrl-C and serve the same store with `dev`)";
            let _ = writeln!(out, "             {hint}");
        }
        let fatal = handle.fatal().borrow().clone();
        if let Some(fatal) = fatal {
            return Err(Error::Refused(fatal));
        }
        tokio::select! {
            _ = feed.recv() => {
                // Everything that is there by now is one look.
                while feed.try_recv().is_ok() {}
            }
            () = tokio::time::sleep(LOOK) => {}
            _ = &mut interrupt => return Ok(Rest::Interrupted(Box::new(view))),
        }
    }
}

/// Tells what is recorded after record `told`; the number of the last one told.
pub async fn tell(
    handle: &Handle,
    run: RunId,
    story: &mut Story,
    out: &mut (dyn Write + Send),
    mut told: u64,
) -> Result<u64, Error> {
    loop {
        let page = handle.history(run, told, u32::MAX).await?;
        let Some(last) = page.last() else { return Ok(told) };
        told = last.number;
        for entry in &page {
            // A terminal that is gone changes nothing for the run.
            let _ = out.write_all(story.tell(entry).as_bytes());
        }
        let _ = out.flush();
    }
}

/// Whether some fiber waits for a person or an event.
fn waits_for_the_world(view: &View) -> bool {
    use sagaflow_core::codegen::Arm;
    let Some(state) = &view.state else { return false };
    state.fibers().values().any(|fiber| match &fiber.state {
        State::Wait(wait) => wait.arms.iter().any(|arm| !matches!(arm, Arm::Sleep { .. })),
        _ => false,
    })
}
