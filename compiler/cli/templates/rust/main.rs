//! The process of `flows/orders.flow`, compiled in, with its services and the commands of `flowd`.

mod services;

sagaflow::include_flow!("flows/orders.flow");

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let shop = match services::Shop::open(&services::path()).await {
        Ok(shop) => shop,
        Err(error) => {
            eprintln!("open the database of the services: {error}");
            return std::process::ExitCode::from(2);
        }
    };
    let flows = orders::flows().stock(shop.clone()).payments(shop.clone()).shipping(shop);
    sagaflow::cli(flows).await
}
