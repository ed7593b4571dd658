//~ E0599
use domicile::auth::Admitted;
use domicile::zone::Approach;

pub async fn forge<C>(admitted: Admitted<C>, approach: Approach<'_>) {
    let _ = admitted.dial(approach).await;
}
