//! What the random world has in it, and who may do what there: written from the sentences of
//! `docs/reference/authorization.md`, without a look at the table that the server reads.

/// Somebody who calls.
pub struct Who {
    pub id: String,
    pub key: String,
    pub is_person: bool,
    pub is_head: bool,
    /// Places where they make flows, by themselves or by a group.
    pub makes: Vec<usize>,
    pub administers: Vec<usize>,
    /// Their own id and those of their groups.
    pub principals: Vec<String>,
}

/// An environment.
pub struct Place {
    /// On the wire.
    pub wire: String,
    pub is_open: bool,
    pub marker: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noun {
    Flow,
    Connection,
    Connector,
    Variable,
    Approval,
    Environment,
    /// Nothing in particular.
    Server,
}

/// Something that belongs to somebody.
#[derive(Clone, Debug)]
pub struct Thing {
    pub noun: Noun,
    pub id: String,
    pub place: usize,
    /// Object id.
    pub owner: String,
    /// Principal and part: of flows 1 is who may run it, 2 a co-owner; of connections 1 may
    /// view, 2 share as well, 3 edit; of approvals 2 is who is, or was, asked.
    pub shares: Vec<(String, u8)>,
    /// Of a flow.
    pub run: String,
    pub marker: String,
    pub is_alive: bool,
}

/// The greatest part: who made it.
pub const OWNER: u8 = 4;

/// What a call takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A person with this part in it.
    Part(u8),
    /// Administers the environment, or the tenant.
    Admin,
    PartOrAdmin(u8),
    Maker,
    MakerOrAdmin,
    Person,
    PersonOrAdmin,
    Head,
    /// Refused or not: what is shown is what counts.
    Unsaid,
}

impl Who {
    pub fn is_maker(&self, place: usize, places: &[Place]) -> bool {
        let takes_part = self.makes.contains(&place) || self.administers.contains(&place);
        self.is_person && (places[place].is_open || takes_part)
    }

    pub fn is_admin(&self, place: usize) -> bool {
        self.is_head || self.administers.contains(&place)
    }

    pub fn part(&self, thing: &Thing) -> u8 {
        let owns = thing.owner == self.id;
        let shared = thing.shares.iter().filter(|(it, _)| self.principals.contains(it));
        shared.map(|(_, part)| *part).chain(owns.then_some(OWNER)).max().unwrap_or(0)
    }

    /// Names of people are for people, and for programs that administer something.
    pub fn knows_people(&self) -> bool {
        self.is_person || self.is_head || !self.administers.is_empty()
    }

    pub fn may(&self, rule: Rule, place: usize, thing: Option<&Thing>, places: &[Place]) -> bool {
        let has = |least| self.is_person && thing.is_some_and(|it| self.part(it) >= least);
        match rule {
            Rule::Part(least) => has(least),
            Rule::Admin => self.is_admin(place),
            Rule::PartOrAdmin(least) => has(least) || self.is_admin(place),
            Rule::Maker => self.is_maker(place, places),
            Rule::MakerOrAdmin => self.is_maker(place, places) || self.is_admin(place),
            Rule::Person => self.is_person,
            Rule::PersonOrAdmin => self.knows_people(),
            Rule::Head => self.is_head,
            Rule::Unsaid => true,
        }
    }

    /// Whether they may read what is in it.
    pub fn reads(&self, thing: &Thing, places: &[Place]) -> bool {
        // everybody knows what they are called themselves
        if self.principals.contains(&thing.id) {
            return true;
        }
        let rule = match thing.noun {
            Noun::Flow | Noun::Approval => Rule::PartOrAdmin(2),
            Noun::Connection => Rule::PartOrAdmin(1),
            Noun::Connector | Noun::Variable | Noun::Environment => Rule::MakerOrAdmin,
            Noun::Server => Rule::PersonOrAdmin,
        };
        self.may(rule, thing.place, Some(thing), places)
    }
}
