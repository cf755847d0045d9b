//! The order saga: generated code, real services, the commands of `flowd`.

#[cfg(test)]
mod conformance;
mod services;
mod shop;

sagaflow::include_flow!("../../flows/shop/orders.flow");

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let shop = match shop::Shop::open(&shop::path()).await {
        Ok(shop) => shop,
        Err(error) => {
            eprintln!("open the shop's database: {error}");
            return std::process::ExitCode::from(2);
        }
    };
    let flows = orders::flows()
        .inventory(services::Warehouse(shop.clone()))
        .payments(services::Bank(shop.clone()))
        .fraud(services::Scores)
        .shipping(services::Carrier(shop.clone()))
        .mail(services::Post(shop));
    sagaflow::cli(flows).await
}
