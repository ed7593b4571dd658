//~ E0616
use domicile::zone::Answer;

pub fn forge(answer: Answer) -> u16 {
    answer.head.status().as_u16()
}
