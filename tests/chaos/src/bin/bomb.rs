//! A program whose service ends the process, as a crash in foreign code does: `go(13)` aborts.
//! It has the commands of `flowd`.

sagaflow::include_flow!("flows/bomb.flow");

/// The input that ends the process.
const DEADLY: i64 = 13;

struct Work;

impl bomb::Work for Work {
    async fn begin(
        &self,
        _call: &sagaflow::Call,
        _n: i64,
    ) -> sagaflow::Outcome<(), sagaflow::NoError> {
        Ok(())
    }

    async fn go(&self, _call: &sagaflow::Call, n: i64) -> sagaflow::Outcome<(), sagaflow::NoError> {
        if n == DEADLY {
            std::process::abort();
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    sagaflow::cli(bomb::flows().work(Work)).await
}
