//! What protects the services, for operators: breakers and limits, and a breaker opened or closed by
//! hand.

use crate::driver::Message;
use crate::error::{Error, Result, suggestion};
use crate::handle::{Decided, Handle};
use crate::limits;
use sagaflow_core::shard::{Actor, BreakerAct, Input, ServiceState};
use tokio::sync::oneshot;

impl Handle {
    /// What protects every service that a hosted workflow calls, as it stands.
    ///
    /// # Errors
    /// [`Error::Away`] where the shard is being read anew.
    pub async fn protections(&self) -> Result<Vec<ServiceState>> {
        let (reply, answer) = oneshot::channel();
        // All shards of a node know the same.
        let shard = self.own_shard();
        self.send(shard, Message::Services(reply))?;
        let away = Error::Away { retry_after_ms: 1_000 };
        match tokio::time::timeout(limits::DECISION, answer).await {
            Ok(Ok(states)) => Ok(states),
            _ => Err(away),
        }
    }

    /// An operator holds the breaker of a service open, or closes it; it stays so over restarts.
    ///
    /// # Errors
    /// [`Error::NotFound`], with the names as [`Handle::machine`] takes them.
    pub async fn breaker(
        &self,
        service: &str,
        act: BreakerAct,
        actor: Actor,
        reason: String,
    ) -> Result<Decided> {
        let service = self.service(service)?;
        let shard = self.service_shard(&service);
        let input = move |token| Input::Breaker { service, act, actor, reason, token: Some(token) };
        self.decide(shard, input, "service").await
    }

    /// A service by its qualified name, or by the short one where it is unique.
    fn service(&self, name: &str) -> Result<String> {
        let known = || self.services().keys().map(String::as_str);
        if let Some(exact) = known().find(|full| *full == name) {
            return Ok(exact.to_owned());
        }
        let mut short = known().filter(|full| full.rsplit('.').next() == Some(name));
        match (short.next(), short.next()) {
            (Some(one), None) => Ok(one.to_owned()),
            (Some(one), Some(other)) => {
                Err(Error::Refused(format!("`{name}` may be `{one}` or `{other}`")))
            }
            _ => {
                let hint = suggestion(name, known());
                tracing::debug!(%name, %hint, "no such service");
                Err(Error::NotFound("service"))
            }
        }
    }
}
