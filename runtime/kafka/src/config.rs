//! The library's settings that every client shares.

use crate::settings::Settings;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

/// Where and as whom, and how soon a broker that is back is noticed.
pub(crate) fn client(settings: &Settings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Warning);
    config.set("bootstrap.servers", &settings.brokers);
    config.set("client.id", &settings.client_id);
    let protocol = match (&settings.tls, &settings.sasl) {
        (None, None) => "plaintext",
        (None, Some(_)) => "sasl_plaintext",
        (Some(_), None) => "ssl",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if let Some(tls) = &settings.tls {
        let files = [
            ("ssl.ca.location", &tls.authority),
            ("ssl.certificate.location", &tls.certificate),
            ("ssl.key.location", &tls.key),
        ];
        for (key, file) in files {
            if let Some(file) = file {
                config.set(key, file.to_string_lossy());
            }
        }
    }
    if let Some(sasl) = &settings.sasl {
        config.set("sasl.mechanism", sasl.mechanism.name());
        config.set("sasl.username", &sasl.user);
        config.set("sasl.password", sasl.password.reveal());
    }
    // Bound: an outage ends for us at most two seconds after it ends for others.
    config.set("reconnect.backoff.max.ms", "2000");
    // Bound: how long a topic may be unknown before it counts as missing; brokers learn of a new
    // one within a second.
    config.set("topic.metadata.propagation.max.ms", "5000");
    config
}
