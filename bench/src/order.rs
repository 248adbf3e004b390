//! The bodies of W1 and W2: orders of 1,024 bytes, no two alike.
//!
//! An order is a function of its number, so that what was sent can be made again
//! and compared with what the server kept.

use std::io::Write;

/// Bytes of every body.
pub const BODY_BYTES: usize = 1024;

/// Totals above this are `gold`.
const GOLD_ABOVE: u64 = 100;

const FIRST: [&str; 16] = [
    "Ada", "Blaise", "Carl", "Dorothy", "Edsger", "Frances", "Grace", "Hedy", "Ida", "Joan",
    "Karen", "Lise", "Mary", "Niklaus", "Olga", "Radia",
];

const LAST: [&str; 16] = [
    "Almeida",
    "Becker",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Fontaine",
    "Grünwald",
    "Hopper",
    "Ivanova",
    "Jansson",
    "Kowalski",
    "Lindgren",
    "Moreau",
    "Novák",
    "Okafor",
    "Petrov",
];

const STREET: [&str; 8] = [
    "Mill Lane",
    "Harbour Street",
    "Station Road",
    "Church Hill",
    "Long Acre",
    "North Parade",
    "Orchard Way",
    "Quay Side",
];

const CITY: [&str; 8] =
    ["London", "Bergen", "Lisboa", "Gdansk", "Zagreb", "Toulouse", "Leipzig", "Turku"];

const WORDS: [&str; 64] = [
    "please", "deliver", "the", "goods", "to", "rear", "entrance", "and", "call", "before",
    "arrival", "our", "depot", "closes", "at", "five", "on", "fridays", "pallets", "must", "be",
    "wrapped", "with", "labels", "facing", "outwards", "invoice", "goes", "books", "not", "site",
    "manager", "driver", "needs", "safety", "shoes", "a", "vest", "crane", "is", "free", "until",
    "noon", "only", "check", "seals", "of", "every", "crate", "for", "damage", "report", "losses",
    "within", "two", "days", "spare", "parts", "ship", "apart", "this", "time", "thank", "you",
];

/// What fills a body up to its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Filler {
    /// Pseudo-random words: compresses as badly as short prose does.
    Words,
    /// One phrase of the order's own again and again: compresses well.
    Phrase,
}

/// One order, made from its number.
pub struct Order {
    pub id: u64,
    pub amount: u64,
    pub qty: u64,
    pub name: String,
    pub email: String,
    random: Random,
}

impl Order {
    pub fn new(id: u64) -> Self {
        let mut random = Random::new(id);
        let (first, last) = (random.pick(&FIRST), random.pick(&LAST));
        Order {
            id,
            amount: 1 + random.below(200),
            qty: 1 + random.below(5),
            name: format!("{first} {last}"),
            email: format!("{first}.{last}.{id}@Example.COM"),
            random,
        }
    }

    pub fn total(&self) -> u64 {
        self.amount * self.qty
    }

    pub fn tier(&self) -> &'static str {
        if self.total() > GOLD_ABOVE { "gold" } else { "basic" }
    }

    pub fn full(&self) -> String {
        format!("{} <{}>", self.name, self.email)
    }

    pub fn slug(&self) -> String {
        self.full().to_lowercase().replace(' ', "-")
    }

    /// Replaces `out` by the order's body of exactly [`BODY_BYTES`] bytes.
    pub fn write_body(mut self, filler: Filler, out: &mut Vec<u8>) {
        out.clear();
        let random = &mut self.random;
        let tags = [random.pick(&WORDS), random.pick(&WORDS), random.pick(&WORDS)];
        let house = 1 + random.below(300);
        let (street, city) = (random.pick(&STREET), random.pick(&CITY));
        let zip = 10_000 + random.below(89_999);
        let written = write!(
            out,
            "{{\"id\": {}, \"name\": \"{}\", \"email\": \"{}\", \"amount\": {}, \"qty\": {}, \
             \"tags\": [\"{}\", \"{}\", \"{}\"], \"address\": {{\"street\": \"{house} {street}\", \
             \"city\": \"{city}\", \"zip\": \"{zip}\"}}, \"note\": \"",
            self.id, self.name, self.email, self.amount, self.qty, tags[0], tags[1], tags[2],
        );
        debug_assert!(written.is_ok(), "writing to memory does not fail");
        let note_start = out.len();
        while out.len() < BODY_BYTES {
            let have = out.len() - note_start;
            match filler {
                Filler::Phrase if have >= 24 => out.extend_from_within(note_start..),
                _ => {
                    out.extend_from_slice(random.pick(&WORDS).as_bytes());
                    out.push(b' ');
                }
            }
        }
        out.truncate(BODY_BYTES - 2);
        out.extend_from_slice(b"\"}");
    }
}

/// splitmix64: fast, and the same numbers on every machine.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0xd129_0a9c_5d6b_1e93))
    }

    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let at = self.below(from.len() as u64);
        usize::try_from(at).map_or("", |at| from[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_of_the_right_size_and_all_different() {
        let mut seen = std::collections::HashSet::new();
        for filler in [Filler::Words, Filler::Phrase] {
            for id in 0..500 {
                let mut body = Vec::new();
                let order = Order::new(id);
                let email = order.email.clone();
                order.write_body(filler, &mut body);
                assert_eq!(body.len(), BODY_BYTES);
                let value: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
                assert_eq!(value["id"], id);
                assert_eq!(value["email"], email);
                assert!(seen.insert(value["note"].to_string()), "two notes are alike");
            }
        }
    }

    #[test]
    fn both_tiers_occur() {
        let gold = (0..1000).filter(|id| Order::new(*id).tier() == "gold").count();
        assert!((200..900).contains(&gold), "{gold} of 1,000 are gold");
    }
}
